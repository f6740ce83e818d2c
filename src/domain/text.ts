/**
 * Text from an event as Postgres can store it, `max` UTF-16 units at most: the cut shows as `…`, and U+0000 and
 * lone surrogates, which JSON allows and Postgres refuses, become U+FFFD. Cut first: the text may be megabytes.
 */
export function storable(text: string, max: number): string {
  const bounded = text.length > max ? `${withoutHalfPair(text.slice(0, max - 1))}…` : text;
  return bounded.toWellFormed().replaceAll('\0', '\uFFFD');
}

function withoutHalfPair(text: string): string {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff ? text.slice(0, -1) : text;
}

/** One line without control or bidirectional-override characters, for subjects and log lines. */
export function oneLine(text: string, max: number): string {
  const visible = text
    .slice(0, max * 4)
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]+/gu, ' ');
  return storable(visible.replace(/ {2,}/g, ' ').trim(), max);
}
