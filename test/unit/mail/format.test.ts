import { describe, expect, it } from 'vitest';
import {
  ago,
  bandNote,
  bars,
  before,
  busiest,
  counts,
  day,
  frame,
  shownIssue,
  time,
} from '../../../src/mail/format.ts';
import { anIssue } from '../../support/issues.ts';

describe('a count', () => {
  it('is of one thing or of many', () => {
    expect(counts({ events: 1, users: 1 })).toBe('1 event, 1 affected user');
    expect(counts({ events: 200, users: 0 })).toBe('about 200 (± 9) events, 0 affected users');
  });

  it('is explained only where one is an estimate', () => {
    expect(bandNote({ events: 150, users: 150 })).toBeNull();
    expect(bandNote({ events: 1, users: 1 }, { events: 151, users: 1 })).toMatch(/over 150 .*19 times in 20/);
    expect(bandNote({ events: 1, users: 151 })).not.toBeNull();
  });
});

describe('a time', () => {
  const now = new Date('2026-05-06T12:00:00Z');

  it('is UTC and says so', () => {
    expect(time(new Date('2026-05-06T12:00:00.999Z'))).toBe('2026-05-06 12:00:00 UTC');
    expect(day('2026-05-06')).toBe('6 May');
  });

  it.each([
    ['2026-05-06T12:00:00Z', 'less than a minute before this alert'],
    ['2026-05-06T12:00:59Z', 'less than a minute before this alert'],
    ['2026-05-06T12:02:00Z', ''],
    ['2026-05-06T11:59:00Z', '1 minute before this alert'],
    ['2026-05-06T10:00:01Z', '1 hour before this alert'],
    ['2026-05-04T12:00:00Z', '2 days before this alert'],
    ['2020-05-06T12:00:00Z', '2,191 days before this alert'],
  ])('of %s is given from the alert on: %j', (date, expected) => {
    expect(before(new Date(date), now)).toBe(expected);
  });
});

describe('the days', () => {
  it('are bars of their share of the highest, a dot for none', () => {
    expect(bars([0, 1, 2, 3, 4, 5, 6, 7, 8])).toBe('·▁▂▃▄▅▆▇█');
    expect(bars([0, 1, 1_000_000])).toBe('·▁█');
    expect(bars([0, 0])).toBe('··');
    expect(bars([])).toBe('');
  });

  it('have a busiest one, the later of two', () => {
    const days = [3, 7, 7, 0].map((events, index) => ({ date: `2026-05-0${index + 1}`, events, users: 0 }));
    expect(busiest(days)?.date).toBe('2026-05-03');
    expect(busiest(days.slice(3))).toBeNull();
  });
});

describe('a stack frame', () => {
  it.each([
    [{ function: 'f', module: 'app', line: 3, column: 7 }, 'at f(app:3:7)'],
    [{ function: null, module: 'app', line: 3, column: null }, 'at ?(app:3)'],
    [{ function: 'f', module: null, line: null, column: null }, 'at f(?)'],
    [{ function: '… 12 more frames', module: null, line: null, column: null }, '… 12 more frames'],
  ])('%j reads %j', (given, expected) => {
    expect(frame(given)).toBe(expected);
  });
});

describe('what is shown of an issue', () => {
  it('is one line without control or format characters in each text', () => {
    const nasty = 'a\r\nb\u202ec\u0000\u200bd\u2028e';
    const shown = shownIssue(
      anIssue({
        message: nasty,
        module: nasty,
        stackFrames: [{ function: nasty, module: nasty, line: 1, column: 2 }],
      }),
    );
    const [shownFrame] = shown.stackFrames;
    for (const text of [shown.message, shown.module, shownFrame?.function, shownFrame?.module]) {
      expect(text).toBe('a b c d e');
    }
  });

  it('says so where nothing is left of the message', () => {
    expect(shownIssue(anIssue({ message: '\u200b\u202e' })).message).toBe('(no text)');
  });
});

describe('the time since an earlier alert', () => {
  const NOW = new Date('2026-05-06T12:00:00Z');
  const earlier = (seconds: number) => new Date(NOW.getTime() - seconds * 1_000);

  it.each([
    [-3_600, 'just now'],
    [0, 'just now'],
    [59, 'just now'],
    [60, '1 minute ago'],
    [3 * 3_600 + 59, '3 hours ago'],
    [1_500 * 86_400, '1,500 days ago'],
  ])('of %d seconds is %j', (seconds, text) => {
    expect(ago(earlier(seconds), NOW)).toBe(text);
  });
});
