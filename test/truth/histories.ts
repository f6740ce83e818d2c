import type { History, Stream } from './history.ts';
import { never, once } from './history.ts';
import { entersRank, reaches, withinAnHour } from './moments.ts';
import { WARM_UP_HOURS, weekdayRhythm } from './stream.ts';

const TUESDAY = new Date('2026-03-10T08:00:00Z');
const EXTENSION = 'moz-extension://6f1d/content.js';
const BURST = withinAnHour({ events: 50, users: 20 });
const CROWD = reaches({ users: 50 });
/** Of the issues whose events are mostly of different people. */
const MANY = 5_000;

/** The steady stream of an old issue. */
function old(perHour: number, until: number): Stream {
  return { from: -WARM_UP_HOURS, until, perHour, users: MANY };
}

/** A frame as Sentry has it. */
function frame(module: string) {
  return { function: 'render', module, line: 20, column: 7 };
}

/** The corpus. Labels are a person's decisions. Nobody may change one because a trigger disagrees with it. */
export const HISTORIES: readonly History[] = [
  {
    name: 'new crash',
    from: TUESDAY,
    hours: 8,
    issues: [
      {
        name: 'fast',
        streams: [{ from: 1, until: 6, perHour: 300 }],
        label: once(
          { start: 1, wanted: CROWD, within: 15 },
          'Fifty users in ten minutes have an error that nobody has seen before.',
        ),
      },
      {
        name: 'slower',
        streams: [{ from: 2, until: 7, perHour: 60 }],
        label: once(
          { start: 2, wanted: CROWD, within: 15 },
          'Fifty users within an hour have a new error, so it will not stay small.',
        ),
      },
    ],
  },
  {
    name: 'slow ramp',
    from: TUESDAY,
    hours: 122,
    calm: [
      [0, 68],
      [80, 122],
    ],
    issues: [
      {
        name: 'ramp',
        streams: [0.5, 1, 2.5, 6, 15].map((perHour, day) => ({
          from: 1 + day * 24,
          until: 25 + day * 24,
          perHour,
        })),
        label: once(
          { start: 1, wanted: reaches({ users: 100 }), within: 60 },
          'It doubles each day, and with a hundred users it can’t wait for the weekly list.',
        ),
      },
    ],
  },
  {
    name: 'ten-fold spike',
    from: TUESDAY,
    hours: 36,
    calm: [[8, 28]],
    issues: [
      {
        name: 'spike',
        streams: [
          old(8, 36),
          { from: 3, until: 6, perHour: 72, users: MANY },
          { from: 30, until: 33, perHour: 72, users: MANY },
        ],
        label: {
          notify: 'incidents',
          incidents: [
            { start: 3, wanted: BURST, within: 20, atMost: 2 },
            { start: 30, wanted: BURST, within: 20, atMost: 2 },
          ],
          because:
            'Ten times the usual rate by many users is an incident, and so is the next one a day later.',
        },
      },
    ],
  },
  {
    name: 'flapping',
    from: TUESDAY,
    hours: 14,
    issues: [
      {
        name: 'flapping',
        streams: [
          old(8, 14),
          ...[2, 4, 6, 8, 10].map((from) => ({ from, until: from + 0.5, perHour: 160, users: MANY })),
        ],
        label: once(
          { start: 2, wanted: BURST, within: 20, atMost: 2 },
          'The first burst is news. A mail about each of five bursts in ten hours would be noise.',
        ),
      },
    ],
  },
  {
    name: 'deploy',
    from: TUESDAY,
    hours: 18,
    deploy: 2,
    issues: [
      {
        name: 'new in 141',
        streams: [{ from: 3, until: 18, perHour: 10, release: '141' }],
        label: once(
          { start: 3, wanted: reaches({ users: 20 }), within: 30 },
          'Right after a deploy a new error can be undone, so twenty users are enough.',
        ),
      },
      {
        name: 'new in 139',
        streams: [{ from: 3, until: 18, events: 8, users: 6, release: '139' }],
        label: never('Six users of an old release in half a day need nobody now.'),
      },
    ],
  },
  {
    name: 'extension noise',
    from: TUESDAY,
    hours: 10,
    issues: [
      {
        name: 'extension',
        module: EXTENSION,
        streams: [{ from: -100, until: 10, perHour: 40, users: MANY }],
        label: never('Extensions are not our code, however frequent their errors are.'),
      },
      {
        name: 'extension’s frame',
        module: 'resource://gre/modules/Extension.sys.mjs',
        stackFrames: [frame('resource://gre/modules/Extension.sys.mjs'), frame(EXTENSION)],
        streams: [{ from: -100, until: 10, perHour: 30, users: MANY }],
        label: never('The extension called our code with a wrong argument, so it is not our error.'),
      },
      {
        name: 'new extension',
        module: EXTENSION,
        streams: [{ from: 2, until: 10, perHour: 100, users: MANY }],
        label: never('A new version of an extension is broken, and its author must fix it.'),
      },
      {
        name: 'new under the noise',
        streams: [{ from: 3, until: 6, perHour: 40 }],
        label: once(
          { start: 3, wanted: CROWD, within: 15 },
          'It is our code, it is new, and fifty users have it, even if extensions have more.',
        ),
      },
    ],
  },
  {
    name: 'batch a day late',
    from: TUESDAY,
    hours: 10,
    issues: [
      {
        name: 'new, a day late',
        streams: [{ from: -20, until: -19, events: 300, lateBy: 24 }],
        label: once(
          { start: 4, wanted: CROWD, within: 10 },
          'Three hundred users had a new error. That nobody knew for a day makes it no smaller.',
        ),
      },
      {
        name: 'old, a day late',
        streams: [
          old(8, -20),
          { from: -20, until: -16, perHour: 8, users: MANY, lateBy: 24 },
          { from: -16, until: 10, perHour: 8, users: MANY },
        ],
        label: never('Four usual hours of an old issue arrived late, and nothing happened.'),
      },
    ],
  },
  {
    name: 'forwarded twice',
    from: TUESDAY,
    hours: 10,
    forwarded: 2,
    issues: [
      {
        name: 'three times usual',
        streams: [old(20, 10), { from: 4, until: 5, perHour: 40, users: MANY }],
        label: never(
          'An hour with three times the usual events is busy, but only by the double count alarming.',
        ),
      },
      {
        name: 'fifteen events',
        streams: [{ from: 2, until: 6, events: 15, users: 9 }],
        label: never('Nine users have a new error, and double forwarding makes them no more.'),
      },
      {
        name: 'new crash',
        streams: [{ from: 6, until: 7, perHour: 100 }],
        label: once({ start: 6, wanted: CROWD, within: 15, atMost: 2 }, 'Fifty users have a new error.'),
      },
    ],
  },
  {
    name: 'one user in a loop',
    from: TUESDAY,
    hours: 8,
    issues: [
      {
        name: 'new loop',
        streams: [{ from: 2, until: 4, events: 20_000, users: 1 }],
        label: never('One broken profile sends 20,000 events, and nobody else has the error.'),
      },
      {
        name: 'old loop',
        streams: [old(3, 8), { from: 3, until: 4, events: 2_000, users: 1 }],
        label: never('One user in a loop makes an old issue look frequent, but no more people have it.'),
      },
    ],
  },
  {
    name: 'regression',
    from: TUESDAY,
    hours: 12,
    issues: [
      {
        name: 'back after a month',
        streams: [
          { from: -860, until: -717, perHour: 2, users: MANY, release: '138' },
          { from: 3, until: 12, perHour: 6, users: MANY },
        ],
        label: once(
          { start: 3, wanted: reaches({ events: 10, users: 5 }), within: 30 },
          'It was fixed a month ago, and its fix no longer works.',
        ),
      },
      {
        name: 'back after three days',
        streams: [
          { from: -200, until: -70, perHour: 3, users: MANY },
          { from: 2, until: 12, perHour: 3, users: MANY },
        ],
        label: never('An issue that pauses for three days was never fixed.'),
      },
    ],
  },
  {
    name: '500 small issues',
    from: TUESDAY,
    hours: 26,
    calm: [[14, 26]],
    issues: [
      {
        name: 'one event',
        copies: 250,
        streams: [{ from: 1, until: 25, events: 1 }],
        label: never('One event is an accident.'),
      },
      {
        name: 'two events',
        copies: 250,
        streams: [{ from: 1, until: 25, events: 2 }],
        label: never('Two events are an accident that happened twice.'),
      },
    ],
  },
  {
    name: 'steady',
    from: TUESDAY,
    hours: 24,
    calm: [[8, 24]],
    issues: [
      {
        name: 'most frequent, steady',
        streams: [old(40, 24)],
        label: never('Everyone knows it, and it was as frequent last week.'),
      },
    ],
  },
  {
    name: 'weekday rhythm',
    from: new Date('2026-03-13T12:00:00Z'),
    hours: 84,
    calm: [
      [0, 36],
      [48, 66],
      [72, 84],
    ],
    rhythm: weekdayRhythm,
    issues: [
      {
        name: 'office hours',
        streams: [
          { from: -WARM_UP_HOURS, until: 84, perHour: (date) => 60 * weekdayRhythm(date), users: MANY },
        ],
        label: never('Monday’s noon is busier than Sunday’s night, as in every week.'),
      },
      {
        name: 'Sunday night',
        streams: [
          { from: -WARM_UP_HOURS, until: 84, perHour: (date) => 60 * weekdayRhythm(date), users: MANY },
          { from: 39, until: 41, perHour: 120, users: MANY },
        ],
        label: once(
          { start: 39, wanted: BURST, within: 20, atMost: 2 },
          'At three on a Sunday morning two events an hour are usual, and these are more than a hundred.',
        ),
      },
    ],
  },
  {
    name: 'climb to rank 3',
    from: TUESDAY,
    hours: 76,
    calm: [[14, 76]],
    issues: [
      {
        name: 'climber',
        streams: [old(2.6, 2), { from: 2, until: 76, perHour: 20, users: MANY }],
        label: once(
          { start: 2, wanted: entersRank(10), within: 120 },
          'An old issue that becomes one of the ten most frequent is worse than anyone knows.',
        ),
      },
    ],
  },
  {
    name: '150 events, 120 users',
    from: TUESDAY,
    hours: 10,
    issues: [
      {
        name: '150 by 120',
        streams: [{ from: 2, until: 8, events: 150, users: 120 }],
        label: once(
          { start: 2, wanted: CROWD, within: 15 },
          'Few events each, but fifty different users have a new error within hours.',
        ),
      },
    ],
  },
  {
    name: 'spike over midnight',
    from: new Date('2026-03-10T20:00:00Z'),
    hours: 8,
    issues: [
      {
        name: 'over midnight',
        streams: [old(8, 8), { from: 3.5, until: 5.5, perHour: 100, users: MANY }],
        label: once(
          { start: 3.5, wanted: BURST, within: 20, atMost: 2 },
          'The spike is the same, whether or not a UTC day ends in the middle of it.',
        ),
      },
    ],
  },
  {
    name: 'canary',
    from: TUESDAY,
    hours: 4,
    issues: [
      {
        name: 'canary',
        message: 'Error: bec-alerts-healthcheck of 10:00',
        streams: [{ from: 2, until: 2.1, events: 1 }],
        label: once(
          { start: 2, wanted: reaches({ events: 1 }), within: 10 },
          'Somebody tests the whole pipeline and waits for the mail.',
        ),
      },
      {
        name: 'other healthcheck',
        message: 'Error: healthcheck of the profile failed',
        streams: [{ from: 1, until: 1.1, events: 1 }],
        label: never('It is one event of the browser, not a test of the pipeline.'),
      },
    ],
  },
  {
    name: 'small issue',
    from: TUESDAY,
    hours: 50,
    calm: [[0, 50]],
    issues: [
      {
        name: 'twelve users',
        streams: [{ from: 1, until: 49, events: 15, users: 12 }],
        label: never('Twelve users in two days can wait until somebody looks at the list.'),
      },
    ],
  },
];
