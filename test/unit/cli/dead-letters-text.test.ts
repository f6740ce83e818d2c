import { describe, expect, it } from 'vitest';
import { createTable, shownListing, shownRedrive } from '../../../src/cli/commands/dead-letters-text.ts';
import type { DeadLetter } from '../../../src/queue/dead-letters/letter.ts';

const COLUMNS = 80;
const QUEUE = 'q'.repeat(80);
const DETAIL =
  'violates check constraint "issues_message_check" that somebody added to the table by hand, so that Postgres refuses ' +
  'every event of this issue';

function letter(fields: Partial<DeadLetter>): DeadLetter {
  return {
    id: '00000000-0000-4000-8000-000000000001',
    body: 'body',
    size: 4,
    receiptHandle: 'handle',
    sentAt: new Date('2026-05-06T12:00:00Z'),
    messageGroupId: null,
    reason: 'invalid_json',
    detail: 'the body is not JSON',
    originalMessageId: '00000000-0000-4000-8000-000000000002',
    attributes: {},
    ...fields,
  };
}

function listing(letters: readonly DeadLetter[], columns = COLUMNS): string {
  const table = createTable();
  for (const each of letters) table.add(each);
  const context = {
    queue: QUEUE,
    reason: undefined,
    read: letters.length,
    more: 3,
    elsewhere: 2,
    stopped: false,
  };
  return shownListing(table, context, columns);
}

const widest = (text: string) => Math.max(...text.split('\n').map((line) => line.length));

describe('the table of dead letters', () => {
  it('has the numbers of a reason in one row, and one letter below it', () => {
    const text = listing([letter({}), letter({ sentAt: new Date('2026-05-07T12:00:00Z') })], 1_000);
    const [heading = '', numbers = '', detail, example] = text.split('\n');
    expect(heading).toMatch(/^REASON +COUNT +OLDEST +NEWEST$/);
    expect(numbers).toMatch(/^invalid_json +2 +2026-05-06.* +2026-05-07/);
    expect(numbers.indexOf('2 ')).toBe(heading.indexOf('COUNT'));
    expect(detail).toBe('    the body is not JSON');
    expect(example).toBe('    example: message 00000000-0000-4000-8000-000000000002');
  });

  it('fits 80 columns with our longest reason and a long detail, whose words stay whole', () => {
    const text = listing([letter({ reason: 'oversized_s3_object', detail: DETAIL })]);
    expect(widest(text)).toBeLessThanOrEqual(COLUMNS);
    expect(text.replaceAll(/\s+/g, ' ')).toContain(DETAIL);
  });

  it('fits 80 columns with a reason, a detail and an id that another sender wrote', () => {
    const foreign = {
      reason: 'r'.repeat(200),
      detail: `${'d'.repeat(200)} e`,
      originalMessageId: 'i'.repeat(200),
    };
    const text = listing([
      letter(foreign),
      letter({ reason: 'many words as a reason, which is not one of our own' }),
    ]);
    expect(widest(text)).toBeLessThanOrEqual(COLUMNS);
    expect(text).toContain(`${'r'.repeat(79)}…\n`);
    expect(text).toMatch(/\nmany words as a reason, which is not one of our own\n +1 /);
    expect(widest(listing([letter({ reason: 'words '.repeat(40) })]))).toBeLessThanOrEqual(COLUMNS);
  });

  it('shows no control characters', () => {
    const text = listing([letter({ reason: 'red\u001b[31m', detail: 'two\nlines' })]);
    expect(text).not.toContain('\u001b');
    expect(text).toContain('two lines');
  });

  it('uses the columns of a wider terminal', () => {
    expect(listing([letter({ detail: DETAIL })], 200)).toContain(`    ${DETAIL}\n`);
  });
});

describe('the result of a redrive', () => {
  it('fits 80 columns, and names the letters that the queue refused', () => {
    const why =
      'InvalidParameterValue: Reason: Message must be shorter than 1024 bytes, and this one has 3000 of them';
    const refused = Array.from({ length: 12 }, (_, index) => ({ id: `${index}`.padStart(36, '0'), why }));
    const text = shownRedrive(
      { moved: 4, otherReason: 3, later: 2, refused, elsewhere: 1, failure: null },
      { from: QUEUE, to: 'sentry_errors', reason: 'invalid_json', stopped: false },
      COLUMNS,
    );
    expect(widest(text)).toBeLessThanOrEqual(COLUMNS);
    const flat = text.replaceAll(/\s+/g, ' ');
    expect(flat).toContain(
      `moved 4 dead letters from ${QUEUE} to sentry_errors left 3 whose reason is not invalid_json`,
    );
    expect(flat).toContain('left 2 that arrived after the redrive began, or were moved and rejected again');
    expect(flat).toContain(`left 12 that sentry_errors refused: ${'0'.repeat(36)}: ${why}`);
    expect(text).toMatch(/\n {4}and 2 more\n$/);
  });
});
