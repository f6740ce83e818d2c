import { oneLine, plural } from '../../domain/text.ts';
import type { DeadLetter } from '../../queue/dead-letters/letter.ts';
import type { Listing } from '../../queue/dead-letters/list.ts';
import type { Redriven } from '../../queue/dead-letters/redrive.ts';
import { aligned } from '../table.ts';

/** Letters grouped by their reason. */
export interface LetterTable {
  readonly count: number;
  add(letter: DeadLetter): void;
  /** The most frequent reason first. */
  lines(): readonly string[];
}

interface Group {
  count: number;
  oldest: Date;
  newest: Date;
  readonly example: string;
  readonly detail: string;
}

const MAX_CELL = 100;

export function createTable(): LetterTable {
  const groups = new Map<string, Group>();
  let count = 0;
  return {
    get count() {
      return count;
    },
    add({ reason, detail, sentAt, id, originalMessageId }) {
      count += 1;
      const group = groups.get(reason);
      if (group === undefined) {
        const example = originalMessageId ?? id;
        groups.set(reason, { count: 1, oldest: sentAt, newest: sentAt, example, detail });
        return;
      }
      group.count += 1;
      if (sentAt < group.oldest) group.oldest = sentAt;
      if (sentAt > group.newest) group.newest = sentAt;
    },
    lines() {
      const rows = [...groups]
        .sort(([a, { count: more }], [b, { count: less }]) => less - more || a.localeCompare(b))
        .map(([reason, group]) => [
          // Whoever may write into the queue wrote this: it is made safe for a terminal.
          oneLine(reason, MAX_CELL),
          String(group.count),
          shownDate(group.oldest),
          shownDate(group.newest),
          oneLine(group.example, MAX_CELL),
          oneLine(group.detail, MAX_CELL),
        ]);
      return aligned([['REASON', 'COUNT', 'OLDEST', 'NEWEST', 'EXAMPLE', 'DETAIL'], ...rows]);
    },
  };
}

function shownDate(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

interface ListingContext extends Listing {
  readonly queue: string;
  readonly reason: string | undefined;
  readonly stopped: boolean;
}

/** The table, the total and what it doesn't show. */
export function shownListing(table: LetterTable, context: ListingContext): string {
  const { queue, reason, more, elsewhere, stopped } = context;
  const of = reason === undefined ? '' : ` of the reason ${reason}`;
  const lines = table.count === 0 ? [] : [...table.lines(), ''];
  lines.push(
    table.count === 0
      ? `no dead letters${of} in ${queue}`
      : `${plural(table.count, 'dead letter')}${of} in ${queue}`,
  );
  if (stopped) lines.push('stopped before the end');
  if (more > 0) lines.push(`about ${more} more ${are(more)} there and not listed (--limit lists more)`);
  if (elsewhere > 0) lines.push(inOtherHands(elsewhere));
  return `${lines.join('\n')}\n`;
}

interface RedriveContext {
  readonly from: string;
  readonly to: string;
  readonly reason: string | undefined;
  readonly stopped: boolean;
}

/** What a redrive did, and what it left. */
export function shownRedrive(result: Redriven, { from, to, reason, stopped }: RedriveContext): string {
  const { moved, otherReason, later, refused, elsewhere } = result;
  const nothing = moved + otherReason + later + refused.length === 0 && result.failure === null && !stopped;
  const lines = [
    nothing
      ? `no dead letters in ${from}`
      : `${stopped ? 'stopped: ' : ''}moved ${plural(moved, 'dead letter')} from ${from} to ${to}`,
  ];
  if (otherReason > 0) lines.push(`left ${otherReason} of other reasons than ${reason}`);
  if (later > 0) lines.push(`left ${later} that came after it began, or were moved and rejected again`);
  if (elsewhere > 0) lines.push(inOtherHands(elsewhere));
  return `${lines.join('\n')}\n`;
}

function are(count: number): string {
  return count === 1 ? 'is' : 'are';
}

function inOtherHands(count: number): string {
  return `${count} more ${are(count)} in other hands (a listing, a redrive, or one that was killed) and will be back`;
}

/** One JSON document, written as the letters come: bodies may be large and many. */
export function createJsonListing(
  queue: string,
  bodies: boolean,
  print: (text: string) => void,
): { add(letter: DeadLetter): void; end(listing: Listing, stopped: boolean): void } {
  let begun = false;
  const separator = () => {
    const text = begun ? ',\n  ' : `{"queue": ${JSON.stringify(queue)}, "letters": [\n  `;
    begun = true;
    return text;
  };
  return {
    add(letter) {
      const shown = {
        reason: letter.reason,
        detail: letter.detail,
        original_message_id: letter.originalMessageId,
        message_id: letter.id,
        sent_at: letter.sentAt.toISOString(),
        size: letter.size,
        ...(bodies ? { body: letter.body } : {}),
      };
      print(`${separator()}${JSON.stringify(shown)}`);
    },
    end({ read, more, elsewhere }, stopped) {
      const start = begun ? '' : `{"queue": ${JSON.stringify(queue)}, "letters": [`;
      const rest = JSON.stringify({ read, more, in_other_hands: elsewhere, stopped }).slice(1);
      print(`${start}\n], ${rest}\n`);
    },
  };
}
