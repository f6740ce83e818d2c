import type { RejectionReason } from '../../src/domain/rejection.ts';

export interface ExpectedBucket {
  events: number;
  readonly users: Set<string>;
}

/** The messages that a soak run sent, as they must be counted. */
export class Sent {
  messages = 0;
  /** Messages that repeat an earlier one, so they must not change any count. */
  repeated = 0;
  /** By issue and UTC day, such as `issue-7 2026-05-06`. */
  readonly days = new Map<string, ExpectedBucket>();
  /** By issue and UTC hour, such as `issue-7 2026-05-06T12`. */
  readonly hours = new Map<string, ExpectedBucket>();
  /** All affected users by issue. */
  readonly users = new Map<string, Set<string>>();
  /** Bodies that must become dead letters, with the reason. */
  readonly bad = new Map<string, RejectionReason>();

  event(groupId: string, receivedAt: Date, user: string | null): void {
    const text = receivedAt.toISOString();
    add(this.days, `${groupId} ${text.slice(0, 10)}`, user);
    add(this.hours, `${groupId} ${text.slice(0, 13)}`, user);
    const users = this.users.get(groupId) ?? new Set();
    if (user !== null) users.add(user);
    this.users.set(groupId, users);
  }
}

function add(buckets: Map<string, ExpectedBucket>, key: string, user: string | null): void {
  const bucket = buckets.get(key) ?? { events: 0, users: new Set() };
  bucket.events += 1;
  if (user !== null) bucket.users.add(user);
  buckets.set(key, bucket);
}
