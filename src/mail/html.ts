/** A piece of HTML that is safe to print as it is. Anything else that a template prints is escaped. */
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

/** For text and for attribute values in quotes. */
export function escapeHtml(text: string): string {
  return SPECIAL.test(text) ? text.replace(SPECIALS, (character) => ENTITIES[character] ?? '') : text;
}

// An address is found by its dots, its @ and its ://, which stand in elements of their own here.
const LINKING = /(:\/\/|[.@])(?=\S)/g;

/**
 * A stranger's text for HTML. Mail programs make links of whatever looks like an address; this breaks such
 * addresses up, invisibly, and lets long paths wrap on a narrow screen. What is copied from it is the text itself.
 */
export function strangersHtml(text: string): Html {
  const pieces = text.split(LINKING).map((piece, index) => {
    if (index % 2 === 1) return piece === '://' ? '<span>://</span><wbr>' : `<wbr><span>${piece}</span>`;
    return escapeHtml(piece).replace(/\/+(?=[^\s/])/g, '$&<wbr>');
  });
  return new Html(pieces.join(''));
}
