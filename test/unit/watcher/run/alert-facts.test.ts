import { expect, it } from 'vitest';
import { noveltyOf } from '../../../../src/watcher/run/alert-facts.ts';

const RAN_AT = new Date('2026-05-20T00:03:00Z');

it.each([
  ['seen first a day ago but a second', '2026-05-19T00:03:01Z', ['2026-05-19'], { is: 'new' }],
  ['seen first a day ago', '2026-05-19T00:03:00Z', ['2026-05-19'], { is: 'known' }],
  ['seen every day', '2026-04-01T00:00:00Z', ['2026-05-20', '2026-05-19', '2026-05-18'], { is: 'known' }],
  ['quiet for six days', '2026-04-01T00:00:00Z', ['2026-05-20', '2026-05-14'], { is: 'known' }],
  ['back today', '2026-04-01T00:00:00Z', ['2026-05-20', '2026-05-13'], { is: 'back', afterDays: 7 }],
  ['back yesterday', '2026-04-01T00:00:00Z', ['2026-05-19', '2026-04-19'], { is: 'back', afterDays: 30 }],
  [
    'back since yesterday',
    '2026-04-01T00:00:00Z',
    ['2026-05-20', '2026-05-19', '2026-05-01'],
    { is: 'back', afterDays: 18 },
  ],
  [
    'back after its buckets were pruned',
    '2024-01-01T00:00:00Z',
    ['2026-05-20'],
    { is: 'back', afterDays: null },
  ],
  ['evaluated late', '2026-04-01T00:00:00Z', ['2026-05-11', '2026-04-01'], { is: 'known' }],
  [
    'dated tomorrow by Sentry',
    '2026-04-01T00:00:00Z',
    ['2026-05-21', '2026-05-20'],
    { is: 'back', afterDays: null },
  ],
  ['without buckets', '2026-04-01T00:00:00Z', [], { is: 'known' }],
])('an issue %s', (_, firstSeen, latestDays, expected) => {
  expect(noveltyOf({ firstSeen: new Date(firstSeen) }, latestDays, RAN_AT)).toEqual(expected);
});
