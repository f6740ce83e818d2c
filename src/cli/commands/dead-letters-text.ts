import { oneLine, plural, storable } from '../../domain/text.ts';
import { time } from '../../domain/time.ts';
import type { DeadLetter } from '../../queue/dead-letters/letter.ts';
import type { Listing } from '../../queue/dead-letters/list.ts';
import type { Redriven } from '../../queue/dead-letters/redrive.ts';
import { wrapped } from '../columns.ts';
import { aligned } from '../table.ts';

/** Dead letters that are listed without `--limit`. */
export const LISTED_BY_DEFAULT = 1_000;

/** Counts dead letters by reason, and shows them as a table. */
export interface LetterTable {
  readonly count: number;
  add(letter: DeadLetter): void;
  /**
   * The most frequent reason first. Each has its numbers in one row, with the detail and the id of one letter below it.
   */
  lines(columns: number): readonly string[];
}

interface Group {
  count: number;
  oldest: Date;
  newest: Date;
  /** The first letter's id, as it was in the queue, and its detail. */
  readonly example: string;
  readonly detail: string;
}

/** Our own reasons are at most this long. A longer one, from another sender, gets a line of its own. */
const REASON_COLUMNS = 19;
const MAX_TEXT = 300;
const INDENT = 4;

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
    lines(columns) {
      const shown = [...groups]
        .sort(([a, { count: more }], [b, { count: less }]) => less - more || a.localeCompare(b))
        .map(([reason, group]) => ({ ...group, reason: fitted(reason, columns) }));
      const rows = shown.map(({ reason, count: letters, oldest, newest }) => [
        reason.length > REASON_COLUMNS ? '' : reason,
        String(letters),
        time(oldest),
        time(newest),
      ]);
      const [heading = '', ...numbers] = aligned([['REASON', 'COUNT', 'OLDEST', 'NEWEST'], ...rows]);
      return [heading, ...shown.flatMap((group, index) => groupLines(group, numbers[index] ?? '', columns))];
    },
  };
}

function groupLines(
  { reason, detail, example }: Group & { readonly reason: string },
  numbers: string,
  columns: number,
): string[] {
  return [
    ...(reason.length > REASON_COLUMNS ? [wrapped(reason, columns)] : []),
    numbers,
    ...(detail === '' ? [] : [indented(fitted(detail, columns - INDENT), columns)]),
    indented(`example: message ${fitted(example, columns - INDENT)}`, columns),
  ];
}

function indented(text: string, columns: number): string {
  return `${' '.repeat(INDENT)}${wrapped(text, columns, INDENT)}`;
}

/**
 * Untrusted text, safe for a terminal: anybody who may write into the queue can have written it. A word that is longer
 * than a line is cut.
 */
function fitted(text: string, columns: number): string {
  return oneLine(text, MAX_TEXT)
    .split(' ')
    .map((word) => storable(word, columns))
    .join(' ');
}

interface ListingContext extends Listing {
  readonly queue: string;
  readonly reason: string | undefined;
  readonly stopped: boolean;
}

/** The table, its total, and the number of dead letters that are not in it. */
export function shownListing(table: LetterTable, context: ListingContext, columns: number): string {
  const { queue, reason, more, elsewhere, stopped } = context;
  const which = reason === undefined ? '' : ` with the reason ${reason}`;
  const letters = table.count === 0 ? 'no dead letters' : plural(table.count, 'dead letter');
  const lines = [`${letters}${which} in ${queue}`];
  if (stopped) lines.push('stopped before the end');
  if (more > 0) lines.push(`about ${more} more ${are(more)} not listed; a higher --limit lists more`);
  if (elsewhere > 0) lines.push(inFlight(elsewhere));
  const shown = table.count === 0 ? [] : [...table.lines(columns), ''];
  return `${[...shown, ...lines.map((line) => wrapped(line, columns))].join('\n')}\n`;
}

interface RedriveContext {
  readonly from: string;
  readonly to: string;
  readonly reason: string | undefined;
  readonly stopped: boolean;
}

/** Refused letters that are shown one by one. */
const SHOWN_REFUSED = 10;

/** The number of dead letters that a redrive moved, and those that it left, with the reasons. */
export function shownRedrive(
  result: Redriven,
  { from, to, reason, stopped }: RedriveContext,
  columns: number,
): string {
  const { moved, otherReason, later, refused, elsewhere } = result;
  const nothing = moved + otherReason + later + refused.length === 0 && result.failure === null && !stopped;
  const lines = [
    nothing
      ? `no dead letters in ${from}`
      : `${stopped ? 'stopped: ' : ''}moved ${plural(moved, 'dead letter')} from ${from} to ${to}`,
  ];
  if (otherReason > 0) lines.push(`left ${otherReason} whose reason is not ${reason}`);
  if (later > 0) {
    lines.push(`left ${later} that arrived after the redrive began, or were moved and rejected again`);
  }
  if (elsewhere > 0) lines.push(inFlight(elsewhere));
  const shown = lines.map((line) => wrapped(line, columns));
  if (refused.length > 0) shown.push(...refusedLines(refused, to, columns));
  return `${shown.join('\n')}\n`;
}

function refusedLines(refused: Redriven['refused'], to: string, columns: number): string[] {
  const first = refused
    .slice(0, SHOWN_REFUSED)
    .map(({ id, why }) => indented(`${id}: ${fitted(why, columns - INDENT)}`, columns));
  const more = refused.length - first.length;
  return [
    wrapped(`left ${refused.length} that ${to} refused:`, columns),
    ...first,
    ...(more > 0 ? [indented(`and ${more} more`, columns)] : []),
  ];
}

function are(count: number): string {
  return count === 1 ? 'is' : 'are';
}

function inFlight(count: number): string {
  return (
    `${count} more ${are(count)} in flight: another listing or redrive has received them, or one that was killed; ` +
    'they become visible again'
  );
}

/** Prints one JSON document, letter by letter as they are read: there may be many, with large bodies. */
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
