/**
 * Text from an event as Postgres can store it, `max` UTF-16 units at most: a cut shows as `…`. U+0000 and lone
 * surrogates, which JSON allows and Postgres refuses, become U+FFFD. Cut first: the text may be megabytes.
 */
export function storable(text: string, max: number): string {
  const bounded = text.length > max ? `${withoutHalfPair(text.slice(0, max - 1))}…` : text;
  return bounded.toWellFormed().replaceAll('\0', '\uFFFD');
}

function withoutHalfPair(text: string): string {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff ? text.slice(0, -1) : text;
}

/**
 * Text on one line: white space of every kind becomes one blank, and is left out at both ends. Bounded first, after the
 * white space that it begins with: the text may be megabytes. @param max UTF-16 units
 */
export function folded(text: string, max: number): string {
  const start = text.trimStart();
  const bounded = start.length > max ? withoutHalfPair(start.slice(0, max)) : start;
  return bounded.replace(/\s+/g, ' ').trimEnd();
}

/**
 * U+200C and U+200D where scripts need them: between letters of scripts that join, such as Persian and Hindi, and between
 * the parts of an emoji. Between Latin letters they only hide.
 */
const JOINED = String.raw`(?<=(?:[[\p{L}\p{M}]--[\p{sc=Latin}\p{sc=Greek}\p{sc=Cyrillic}\p{sc=Han}]]|[\p{Emoji}\u{FE0F}])[\u200C\u200D])(?=[[\p{L}\p{M}]--[\p{sc=Latin}\p{sc=Greek}\p{sc=Cyrillic}\p{sc=Han}]]|\p{Extended_Pictographic})`;
/**
 * Line breaks of every kind, other control characters, and format characters: bidirectional overrides, zero-width. V8
 * looks for the class quickly, and tries the rest only on what it found. The other order took four times as long.
 */
const UNSEEN = new RegExp(String.raw`[\p{Cc}\p{Cf}\p{Zl}\p{Zp}](?!${JOINED})`, 'gv');
const LINE_BREAK = /\r\n?|[\v\f\u0085\u2028\u2029]/g;
/** Control and format characters but the line feed and the tab. */
const UNSEEN_IN_LINES = new RegExp(String.raw`[[\p{Cc}\p{Cf}]--[\n\t]](?!${JOINED})`, 'gv');
/** More marks on one letter than any script stacks run over the lines around it. */
const STACKED_MARKS = /(\p{M}{4})\p{M}+/gu;

/** One line without invisible characters that change how text looks, for subjects, bodies and log lines. */
export function oneLine(text: string, max: number): string {
  const visible = text
    .slice(0, max * 4)
    .replace(UNSEEN, ' ')
    .replace(STACKED_MARKS, '$1');
  return storable(visible.replace(/ {2,}/g, ' ').trim(), max);
}

/** Lines that end with a line feed, otherwise without such characters: the body of an email. */
export function plainLines(text: string, max: number): string {
  return storable(text.replace(LINE_BREAK, '\n').replace(UNSEEN_IN_LINES, ''), max);
}

/** `1 alert`, `2 alerts`. @param shown how the number is written; default: its digits */
export function plural(value: number, one: string, shown = String(value)): string {
  return `${shown} ${one}${value === 1 ? '' : 's'}`;
}
