import fc from 'fast-check';

/**
 * Any code point, halves of characters and U+0000 too: `fc.string({ unit: ANY_CHARACTER })`. Fast-check's own unit
 * `binary` takes a second to build its table of all characters, in each process.
 */
export const ANY_CHARACTER = fc
  .oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0, max: 0x10ffff }))
  .map((codePoint) => String.fromCodePoint(codePoint));
