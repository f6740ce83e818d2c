import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import type { JsonRecord } from '../../src/domain/json.ts';
import type { RejectionReason } from '../../src/domain/rejection.ts';
import { exception, exceptionEntry } from './events.ts';

/** A message's body and its expected result, which is known from how it was made, not from reading it. */
export interface Body {
  readonly kind: string;
  readonly text: string;
  readonly outcome: 'counted' | RejectionReason;
  /** Of the issue that it is counted under. */
  readonly groupId: string;
}

const CORPUS = new URL('../corpus/bad-input/', import.meta.url);

/** The hand-made bodies, with the outcomes that their manifest names. */
export function handMade(): Body[] {
  const manifest: Record<string, Body['outcome']> = JSON.parse(
    readFileSync(new URL('manifest.json', CORPUS), 'utf8'),
  );
  return Object.entries(manifest).map(([file, outcome]) => ({
    kind: file,
    text: readFileSync(new URL(file, CORPUS), 'utf8'),
    outcome,
    groupId: 'hand-made',
  }));
}

const blank = fc.constantFrom('', ' ', '\t\n', '\u00a0\u2003', '\ufeff');
const notText = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 3 }),
  fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 3 }),
);
const noText = fc.oneof(notText, blank);
/** Any UTF-16, halves of characters and U+0000 too. */
const units = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(0, 0xd800, 0xdc00, 0xfffe, 0xffff)), {
    maxLength: 60,
  })
  .map((codes) => String.fromCharCode(...codes));
const anything = fc.oneof(notText, units, fc.jsonValue({ maxDepth: 3 }));
const notInAnId = fc.constantFrom('\u0000', '\u001b[31m', '\ud800', '\udfff', '\u202e', '\u007f', '\n');
const badId = fc.oneof(
  fc.integer({ min: 129, max: 2_000 }).map((length) => 'i'.repeat(length)),
  notInAnId.map((character) => `id${character}id`),
);
const date = fc
  .date({ min: new Date('0001-01-02T00:00:00Z'), max: new Date('9999-12-30T00:00:00Z'), noInvalidDate: true })
  .chain((at) => {
    const text = at.toISOString();
    const second = text.slice(0, 19);
    return fc.constantFrom(
      text,
      `${second}Z`,
      second,
      `${second}.123456+0530`,
      `${second.replace('T', ' ')}-11:00`,
    );
  });
const noDate = fc.oneof(
  fc.constantFrom(
    '0000-01-01T00:00:00Z',
    '10000-01-01T00:00:00Z',
    '-0001-01-01T00:00:00Z',
    '2026-02-30T00:00:00Z',
  ),
  fc.constantFrom(
    '2026-05-06',
    '2026-05-06T24:00:00Z',
    '2026-05-06T12:00:60Z',
    '2026-05-06T12:00:00+24:00',
    ' ',
  ),
  fc.constantFrom('0001-01-01T00:00:00+01:00', '9999-12-31T23:59:59-01:00', 'now', '1', 'epoch', 'infinity'),
  fc.boolean(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.array(fc.string(), { maxLength: 2 }),
  units.map((text) => `x${text}`),
);
const noNumber = fc.constantFrom(
  1e308,
  -1e308,
  -1,
  1.5,
  2 ** 53,
  -(2 ** 53),
  Number.MIN_VALUE,
  '7',
  null,
  [],
  {},
);
const frame = fc.record(
  {
    function: anything,
    rawFunction: anything,
    module: anything,
    filename: anything,
    absPath: anything,
    lineNo: noNumber,
    colNo: noNumber,
    context: anything,
    ['__proto__']: anything,
  },
  { requiredKeys: [] },
);
const SOME_FIELDS = [
  'message culprit location dist projectID user tags contexts context packages metadata _meta platform type',
  'size errors fingerprints sdk crashFile groupingConfig occurrence entries id __proto__ constructor toString',
]
  .join(' ')
  .split(' ');
const NUMBER_MARK = '"the number"';

interface Made {
  readonly text: string;
  readonly outcome: Body['outcome'];
  readonly groupId?: string;
}
type Kind = (event: JsonRecord) => fc.Arbitrary<Made>;

const changed =
  (outcome: Body['outcome'], change: fc.Arbitrary<JsonRecord>): Kind =>
  (event) =>
    change.map((fields) => ({ text: ascii({ ...event, ...fields }), outcome }));

/** One entry for each way to be wrong, or only odd. */
const KINDS: Readonly<Record<string, Kind>> = {
  truncated: (event) => {
    const text = ascii(event);
    return fc.integer({ min: 1, max: text.length - 1 }).map((end) => ({
      text: text.slice(0, end),
      outcome: 'invalid_json',
    }));
  },
  'no JSON': () => fc.string().map((text) => ({ text: `<${escaped(text)}`, outcome: 'invalid_json' })),
  'no object': () =>
    fc
      .oneof(fc.constant(null), fc.boolean(), fc.double({ noNaN: true }), units, fc.array(anything))
      .map((value) => ({ text: ascii(value), outcome: 'not_an_object' })),
  'any value in any field': changed(
    'counted',
    fc
      .tuple(fc.constantFrom(...SOME_FIELDS), anything)
      // As JSON.parse makes it: `__proto__` in a literal would be a prototype.
      .map(([field, value]) => Object.fromEntries([[field, value]])),
  ),
  'any values in all fields': changed(
    'counted',
    fc.dictionary(fc.constantFrom(...SOME_FIELDS), anything, { maxKeys: SOME_FIELDS.length }),
  ),
  'no event id': changed('missing_event_id', fc.record({ eventID: noText, id: noText })),
  'bad event id': changed('invalid_event_id', fc.record({ eventID: badId })),
  'no group id': changed(
    'missing_group_id',
    fc.record({ groupID: noText.filter((value) => !Number.isSafeInteger(value)) }),
  ),
  'bad group id': changed('invalid_group_id', fc.record({ groupID: badId })),
  'a number as group id': (event) =>
    fc.maxSafeInteger().map((groupID) => ({
      text: ascii({ ...event, groupID }),
      outcome: 'counted',
      groupId: String(groupID),
    })),
  'a huge number as group id': (event) =>
    fc.bigInt({ min: 2n ** 53n, max: 10n ** 40n }).map((number) => ({
      text: ascii({ ...event, groupID: 'the number' }).replace(NUMBER_MARK, String(number)),
      outcome: 'missing_group_id',
    })),
  'no message': changed(
    'missing_message',
    fc.record({ message: noText, title: noText, entries: fc.constantFrom(null, [], {}, 'x', [null, {}]) }),
  ),
  'a date': changed('counted', fc.record({ dateReceived: date })),
  'another date': changed(
    'counted',
    date.map((dateCreated) => ({ dateReceived: null, dateCreated })),
  ),
  'no date': changed(
    'invalid_date',
    noDate.map((dateReceived) => ({ dateReceived })),
  ),
  'no other date': changed(
    'invalid_date',
    noDate.map((dateCreated) => ({ dateReceived: '', dateCreated })),
  ),
  'any text': changed(
    'counted',
    fc.record({ message: units, culprit: units, user: fc.record({ id: units }) }),
  ),
  'any frames': changed(
    'counted',
    fc.array(frame, { maxLength: 60 }).map((frames) => ({
      entries: [exceptionEntry([exception('A', 'b', { module: null, stacktrace: { frames } })])],
    })),
  ),
  'any exception': changed(
    'counted',
    fc.array(fc.record({ type: anything, data: anything }), { maxLength: 4 }).map((entries) => ({ entries })),
  ),
  'deep nesting': (event) =>
    fc.tuple(fc.integer({ min: 1, max: 3_000 }), fc.constantFrom('[', '{"a":')).map(([depth, open]) => ({
      text: ascii({ ...event, contexts: 'the number' }).replace(
        NUMBER_MARK,
        `${open.repeat(depth)}1${(open === '[' ? ']' : '}').repeat(depth)}`,
      ),
      outcome: 'counted',
    })),
  'keys twice': (event) =>
    anything.map((value) => ({
      text: `{"groupID":${ascii(value)},"__proto__":{"eventID":1},${ascii(event).slice(1)}`,
      outcome: 'counted',
    })),
};

/** So many bodies of all kinds in turn, always the same for one seed; every event has an id of its own. */
export function generated(count: number, seed: number): Body[] {
  const kinds = Object.entries(KINDS);
  return kinds.flatMap(([kind, make], position) => {
    const numbers = Array.from({ length: count }, (_, index) => index).filter(
      (index) => index % kinds.length === position,
    );
    const bodies = fc.sample(fc.tuple(...numbers.map((number) => make(sound(number)))), {
      seed: seed + position,
      numRuns: 1,
    });
    return (bodies[0] ?? []).map((made, index) => ({
      kind,
      text: made.text,
      outcome: made.outcome,
      groupId: made.groupId ?? groupOf(numbers[index] ?? 0),
    }));
  });
}

/** Bodies up to SQS's limit, and bodies that take long if they are read carelessly. */
export function large(): Body[] {
  const body = (kind: string, outcome: Body['outcome'], number: number, fields: JsonRecord): Body => ({
    kind,
    text: ascii({ ...sound(1_000_000 + number), groupID: 'large', ...fields }),
    outcome,
    groupId: 'large',
  });
  const frames = (count: number) => Array.from({ length: count }, (_, index) => ({ function: `f${index}` }));
  const deep = (open: string, close: string) => `${open.repeat(500_000)}${close.repeat(500_000)}`;
  return [
    body('a message of a megabyte', 'counted', 1, { message: 'm'.repeat(1_000_000) }),
    body('a megabyte of white space, then text', 'counted', 2, { message: `${' '.repeat(1_000_000)}x` }),
    body('a megabyte of white space', 'counted', 3, { message: ' '.repeat(1_000_000) }),
    body('a date of a megabyte', 'invalid_date', 4, { dateReceived: '2026-'.repeat(200_000) }),
    body('a date and a megabyte of digits', 'invalid_date', 5, {
      dateReceived: `2026-05-06T12:00:00.${'1'.repeat(1_000_000)}`,
    }),
    body('an event id of a megabyte', 'invalid_event_id', 6, { eventID: 'e'.repeat(1_000_000) }),
    body('a group id of a megabyte', 'invalid_group_id', 7, { groupID: 'g'.repeat(1_000_000) }),
    body('a user of a megabyte', 'counted', 8, { user: { id: 'u'.repeat(1_000_000) } }),
    body('frames by the ten thousand', 'counted', 9, {
      entries: [exceptionEntry([exception('A', 'b', { stacktrace: { frames: frames(40_000) } })])],
    }),
    body('tags by the ten thousand', 'counted', 10, {
      tags: Array.from({ length: 30_000 }, () => ({ key: 'user', value: ' ' })),
    }),
    body('exceptions by the ten thousand', 'counted', 11, { entries: [exceptionEntry(frames(40_000))] }),
    body('keys by the ten thousand', 'counted', 12, {
      contexts: Object.fromEntries(Array.from({ length: 80_000 }, (_, index) => [`k${index}`, 1])),
    }),
    { kind: 'arrays half a million deep', text: deep('[', ']'), outcome: 'not_an_object', groupId: '' },
    { kind: 'half a million open arrays', text: '['.repeat(500_000), outcome: 'invalid_json', groupId: '' },
    { kind: 'a megabyte of nothing', text: ' '.repeat(1_000_000), outcome: 'invalid_json', groupId: '' },
  ];
}

function groupOf(number: number): string {
  return `g${number % 97}`;
}

function sound(number: number): JsonRecord {
  const eventID = number.toString(16).padStart(32, '0');
  return {
    id: eventID,
    eventID,
    groupID: groupOf(number),
    title: 'TypeError: x is undefined',
    dateReceived: '2026-05-06T12:00:00Z',
    entries: [exceptionEntry([exception('TypeError', 'x is undefined')])],
  };
}

/** JSON with everything beyond ASCII escaped, as Sentry writes it. SQS refuses some of these characters unescaped. */
function ascii(value: unknown): string {
  return escaped(JSON.stringify(value));
}

function escaped(text: string): string {
  return text.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
