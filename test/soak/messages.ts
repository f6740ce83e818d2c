import type { Random } from '../../dev/browser-errors/random.ts';
import { pick } from '../../dev/browser-errors/random.ts';
import type { JsonRecord } from '../../src/domain/json.ts';
import type { RejectionReason } from '../../src/domain/rejection.ts';
import { forwarded } from '../support/events.ts';
import { Sent } from './sent.ts';

/** Issues that receive events at the same time. */
const ACTIVE_ISSUES = 60;
/** The events of one issue. hll is exact up to 160 elements, so each count can be compared to the last event. */
const MOST_EVENTS = 140;
const FEWEST_EVENTS = 5;
/** The share of events that are the only one of their issue. If a run misses such an event, no later one brings it back. */
const SINGLE = 0.03;
const USERS_OF_ISSUE = 80;
/** How many of the last bodies can be sent again. */
const REMEMBERED = 2_000;
/** The shares of messages that are bad, and that repeat an earlier one. */
const BAD = 0.05;
const REPEATED = 0.08;
/** The share of events with a very long text. */
const LONG = 0.01;
const NO_USER = 0.05;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

interface ActiveIssue {
  readonly groupId: string;
  left: number;
}

/** Makes the messages of a soak run: good, repeated, late and bad ones. Remembers in `sent` how to count them. */
export class Messages {
  readonly sent = new Sent();
  readonly #random: Random;
  readonly #issues: ActiveIssue[] = [];
  readonly #recent: string[] = [];
  #issueNumber = 0;
  #number = 0;

  constructor(random: Random) {
    this.#random = random;
    for (let count = 0; count < ACTIVE_ISSUES; count += 1) this.#issues.push(this.#newIssue());
  }

  next(now: Date): string {
    this.#number += 1;
    this.sent.messages += 1;
    const kind = this.#random();
    if (kind < BAD) return this.#bad();
    const repeated = kind < BAD + REPEATED ? this.#recent[this.#below(this.#recent.length)] : undefined;
    if (repeated !== undefined) {
      this.sent.repeated += 1;
      return repeated;
    }
    return this.#good(now);
  }

  #good(now: Date): string {
    const groupId = this.#random() < SINGLE ? this.#newGroupId() : this.#activeGroupId();
    const receivedAt = new Date(now.getTime() - this.#age());
    const user = this.#random() < NO_USER ? null : `user-${this.#below(USERS_OF_ISSUE)}`;
    const long = this.#random() < LONG ? { message: `${groupId} ${'long '.repeat(10_000)}` } : {};
    const body = JSON.stringify(
      forwarded({
        ...this.#ids(),
        groupID: groupId,
        title: `TypeError: ${groupId} is undefined`,
        dateReceived: receivedAt.toISOString(),
        user: user === null ? null : { id: user },
        ...long,
      }),
    );
    this.sent.event(groupId, receivedAt, user);
    this.#recent[this.#number % REMEMBERED] = body;
    return body;
  }

  #activeGroupId(): string {
    const place = this.#below(ACTIVE_ISSUES);
    const issue = this.#issues[place] ?? this.#newIssue();
    issue.left -= 1;
    if (issue.left === 0) this.#issues[place] = this.#newIssue();
    return issue.groupId;
  }

  /** Most events are new. Some waited for minutes or hours, and some are of yesterday. */
  #age(): number {
    const share = this.#random();
    if (share < 0.75) return 0;
    if (share < 0.85) return this.#random() * 10 * MINUTE;
    return share < 0.95 ? this.#random() * 20 * HOUR : (24 + this.#random() * 23) * HOUR;
  }

  #bad(): string {
    const ids = this.#ids();
    const [reason, body] = pick<readonly [RejectionReason, string]>(this.#random, [
      ['invalid_json', `{"eventID": "${ids.eventID}", "groupID":`],
      ['not_an_object', JSON.stringify([ids.eventID])],
      ['missing_event_id', JSON.stringify(forwarded({ id: null, eventID: null, message: ids.eventID }))],
      ['missing_group_id', JSON.stringify(forwarded({ ...ids, groupID: null }))],
      ['invalid_event_id', JSON.stringify(forwarded({ id: null, eventID: ids.eventID.repeat(40) }))],
      [
        'invalid_group_id',
        JSON.stringify(forwarded({ ...ids, groupID: `${ids.eventID}${'g'.repeat(10_000)}` })),
      ],
      ['invalid_date', JSON.stringify(forwarded({ ...ids, dateReceived: 'yesterday' }))],
      ['missing_message', JSON.stringify({ ...ids, groupID: 'empty' } satisfies JsonRecord)],
    ]);
    this.sent.bad.set(body, reason);
    return body;
  }

  #ids() {
    const eventID = this.#number.toString(16).padStart(32, '0');
    return { id: eventID, eventID };
  }

  #newIssue(): ActiveIssue {
    return {
      groupId: this.#newGroupId(),
      left: FEWEST_EVENTS + this.#below(MOST_EVENTS - FEWEST_EVENTS + 1),
    };
  }

  #newGroupId(): string {
    this.#issueNumber += 1;
    return `issue-${this.#issueNumber}`;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}
