/** A piece of HTML that is safe to print as it is. Templates escape all other values. */
export class Html {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

const SPECIAL = /[&<>"'`]/;
const SPECIALS = /[&<>"'`]/g;

/** Escapes text, for use as text and as an attribute value in quotes. */
export function escapeHtml(text: string): string {
  return SPECIAL.test(text) ? text.replace(SPECIALS, (character) => ENTITIES[character] ?? '') : text;
}

// Mail programs recognise addresses by dots, @ and ://. Each of these is put into an element of its own.
const LINKING = /(:\/\/|[.@])(?=\S)/g;

/**
 * Untrusted text as HTML. Mail programs make links of text that looks like an address. This invisibly breaks up such
 * addresses, and lets long paths wrap on a narrow screen. Copying from the email still yields the original text.
 */
export function untrustedHtml(text: string): Html {
  const pieces = text.split(LINKING).map((piece, index) => {
    if (index % 2 === 1) return piece === '://' ? '<span>://</span><wbr>' : `<wbr><span>${piece}</span>`;
    return escapeHtml(piece).replace(/\/+(?=[^\s/])/g, '$&<wbr>');
  });
  return new Html(pieces.join(''));
}
