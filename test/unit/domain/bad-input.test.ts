import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ErrorEvent } from '../../../src/domain/event.ts';
import { MAX_ID, MAX_MESSAGE, MAX_MODULE, parseEvent } from '../../../src/domain/event.ts';
import { ANY_CHARACTER } from '../../support/any-character.ts';
import { generated, handMade, large } from '../../support/bad-input.ts';

const SENT_AT = new Date('2026-05-06T12:30:00Z');
// Each is made once: making them takes longer than reading them.
const LARGE = large();
const GENERATED = generated(10_000, 20261124);

function outcomeOf(text: string): string {
  const parsed = parseEvent(text, SENT_AT);
  return 'event' in parsed ? 'counted' : parsed.rejection.reason;
}

describe('bad input', () => {
  it.each(handMade())('as in $kind becomes: $outcome', ({ text, outcome }) => {
    expect(outcomeOf(text)).toBe(outcome);
  });

  it.each(LARGE)('as large as $kind becomes: $outcome', ({ text, outcome }) => {
    expect(outcomeOf(text)).toBe(outcome);
  });

  it('has its expected outcome, in ten thousand ways', () => {
    const wrong = GENERATED.map((body) => ({ ...body, became: outcomeOf(body.text) })).filter(
      ({ outcome, became }) => became !== outcome,
    );
    expect(wrong).toEqual([]);
  });

  it('leaves nothing in an event that is unbounded or that Postgres can’t store', () => {
    const events = [...handMade(), ...LARGE, ...GENERATED].flatMap(({ text }) => {
      const parsed = parseEvent(text, SENT_AT);
      return 'event' in parsed ? [parsed.event] : [];
    });
    expect(events.length).toBeGreaterThan(4_000);
    expect(events.flatMap(faults)).toEqual([]);
  });

  it('never throws, for any text', () => {
    const text = fc.oneof(
      fc.string({ unit: ANY_CHARACTER, maxLength: 100 }),
      fc.json({ stringUnit: ANY_CHARACTER }),
    );
    const property = fc.property(text, (body) => {
      const parsed = parseEvent(body, SENT_AT);
      if ('event' in parsed) expect(faults(parsed.event)).toEqual([]);
      else expect(parsed.rejection.detail).not.toBe('');
    });
    fc.assert(property, { numRuns: 2_000, seed: 20261124 });
  });

  // SQS carries these only escaped, so they can't be sent; a body may still come another way, such as from S3.
  it.each(['\u0000', '\ud800', '\ufffe', '\u001b'])('holding a raw %j is on purpose', (character) => {
    const body = `{"eventID":"e","groupID":"g","title":"a${character}b"}`;
    expect(['counted', 'invalid_json']).toContain(outcomeOf(body));
  });
});

/** Which bounds the event breaks. */
function faults(event: ErrorEvent): string[] {
  const text = (name: string, value: string, max: number) => [
    ...(value.length > max ? [`${name} has ${value.length} units`] : []),
    ...(value.isWellFormed() ? [] : [`${name} holds half a character`]),
    ...(value.includes('\0') ? [`${name} holds U+0000`] : []),
  ];
  const { receivedAt, stackFrames } = event;
  const year = receivedAt.getUTCFullYear();
  return [
    ...text('eventId', event.eventId, MAX_ID),
    ...text('groupId', event.groupId, MAX_ID),
    ...text('projectId', event.projectId, MAX_ID),
    ...text('message', event.message, MAX_MESSAGE),
    ...text('module', event.module, MAX_MODULE),
    ...stackFrames.flatMap((frame) => [
      ...text('function', frame.function ?? '', 200),
      ...text('module', frame.module ?? '', 200),
      ...(Number.isSafeInteger(frame.line ?? 0) ? [] : ['line']),
      ...(Number.isSafeInteger(frame.column ?? 0) ? [] : ['column']),
    ]),
    ...(stackFrames.length > 51 ? [`${stackFrames.length} frames`] : []),
    ...(event.message.trim() === '' ? ['a blank message'] : []),
    ...(year >= 1 && year <= 9999 ? [] : [`the year ${year}`]),
  ];
}
