import { createHash } from 'node:crypto';
import type { JsonRecord } from '../../src/domain/json.ts';
import type { Tag } from '../sentry/forwarded.ts';
import { sentryDate } from '../sentry/forwarded.ts';
import type { BrowserIssue, EventSize } from './issues.ts';
import { browserIssue } from './issues.ts';
import type { Random } from './random.ts';
import { pick, seededRandom, zipf } from './random.ts';

export interface BrowserErrorOptions {
  readonly count: number;
  /** How many issues the events are drawn from; the rarest may not be drawn at all. They are the same at every seed. */
  readonly issues: number;
  /** Decides which issues, users and times are drawn, and the event ids. */
  readonly seed: number;
  readonly now: Date;
  /** `small`: 2 KB and 3 frames; `full`: 10 KB, with source around 12 frames and breadcrumbs. */
  readonly size: EventSize;
  /** How far back from `now` Sentry received them. Default 48. */
  readonly hours?: number;
  /** How many users there are to be hit. Default 30,000. */
  readonly users?: number;
}

/** One event, and the facts that must be stored of it. */
export interface BrowserError {
  /** The message that Sentry puts on the queue. */
  readonly body: string;
  /** No two events of one seed have the same. */
  readonly eventId: string;
  readonly groupId: string;
  /** Sentry's identity of the affected user; null for the few events that name nobody. */
  readonly user: string | null;
  /** Sentry's clock; the bucket is its UTC day. */
  readonly receivedAt: Date;
}

/** Few issues make most of the events. */
const ZIPF_EXPONENT = 1.1;
const HOUR = 3_600_000;
const BREADCRUMBS = 8;
const BROWSERS = ['Firefox 144.0', 'Firefox 145.0', 'Firefox 146.0a1', 'Firefox 140.5'] as const;
const SYSTEMS = ['Windows 10', 'Windows 11', 'Mac OS X 15.6', 'Ubuntu 24.04', 'Android 15'] as const;
const CHANNELS = ['nightly', 'nightly', 'beta', 'release'] as const;

/** Browser errors as Sentry forwards them: made up, but always the same for the same options. */
export function* browserErrors(options: BrowserErrorOptions): Generator<BrowserError, void, void> {
  const { count, issues, seed, now, size, hours = 48, users = 30_000 } = options;
  const random = seededRandom(seed);
  const rank = zipf(issues, ZIPF_EXPONENT);
  const known = new Map<number, BrowserIssue>();
  for (let index = 0; index < count; index += 1) {
    const drawn = rank(random);
    const issue = known.get(drawn) ?? browserIssue(drawn, size);
    known.set(drawn, issue);
    const eventId = createHash('md5').update(`${seed}/${index}`).digest('hex');
    const receivedAt = new Date(now.getTime() - Math.floor(random() * hours * HOUR));
    const identity = identityOf(Math.floor(random() * users));
    const event = { issue, eventId, receivedAt, identity, size };
    yield { body: bodyOf(random, event), eventId, groupId: issue.groupId, user: identity.tag, receivedAt };
  }
}

interface Identity {
  readonly tag: string | null;
  readonly user: JsonRecord | null;
}

/** Most users have an id; of some only the name or the address is known. Documentation addresses, RFC 3849. */
function identityOf(number: number): Identity {
  const nobody = {
    id: null,
    email: null,
    username: null,
    ip_address: null,
    name: null,
    geo: null,
    data: null,
  };
  const ip_address = `2001:db8::${number.toString(16)}`;
  if (number % 50 === 0) return { tag: null, user: null };
  if (number % 10 === 1) return { tag: `ip:${ip_address}`, user: { ...nobody, ip_address } };
  if (number % 10 === 2) {
    const username = `user${number}`;
    return { tag: `username:${username}`, user: { ...nobody, username, ip_address } };
  }
  const id = String(1_000_000 + number);
  return { tag: `id:${id}`, user: { ...nobody, id, ip_address, email: `user${number}@example.com` } };
}

interface DrawnEvent {
  readonly issue: BrowserIssue;
  readonly eventId: string;
  readonly receivedAt: Date;
  readonly identity: Identity;
  readonly size: EventSize;
}

/** The issue's entry is spliced in as it is: printing it again for each event would take most of the time. */
function bodyOf(random: Random, { issue, eventId, receivedAt, identity, size }: DrawnEvent): string {
  const browser = pick(random, BROWSERS);
  const system = pick(random, SYSTEMS);
  const event = JSON.stringify({
    id: eventId,
    eventID: eventId,
    groupID: issue.groupId,
    projectID: '7',
    size: size === 'full' ? 9_000 : 1_800,
    dist: null,
    message: issue.message,
    title: issue.title,
    location: issue.location,
    culprit: issue.culprit,
    user: identity.user,
    contexts: contextsOf(browser, system),
    sdk: { name: 'sentry.javascript.browser', version: '10.0.0' },
    context: {},
    packages: {},
    type: 'error',
    metadata: issue.metadata,
    tags: tagsOf(random, browser, system, identity.tag),
    platform: 'javascript',
    dateReceived: sentryDate(receivedAt),
    // The browser's clock is off by up to an hour.
    dateCreated: sentryDate(new Date(receivedAt.getTime() - Math.floor(random() * HOUR))),
    errors: [],
    occurrence: null,
    crashFile: null,
    fingerprints: [issue.groupId],
    groupingConfig: { id: 'newstyle:2023-01-11', enhancements: '' },
  });
  const entries = size === 'full' ? `${issue.entry},${breadcrumbs(random, receivedAt)}` : issue.entry;
  return `${event.slice(0, -1)},"entries":[${entries}]}`;
}

function contextsOf(browser: string, system: string): JsonRecord {
  const [browserName, browserVersion] = named(browser);
  const [systemName, systemVersion] = named(system);
  return {
    browser: { name: browserName, version: browserVersion, type: 'browser' },
    client_os: { name: systemName, version: systemVersion, type: 'os' },
  };
}

/** `Mac OS X 15.6` is the name `Mac OS X` and the version `15.6`. */
function named(product: string): [string, string] {
  const space = product.lastIndexOf(' ');
  return [product.slice(0, space), product.slice(space + 1)];
}

function tagsOf(random: Random, browser: string, system: string, user: string | null): Tag[] {
  const tags = [
    { key: 'browser', value: browser },
    { key: 'browser.name', value: named(browser)[0] },
    { key: 'environment', value: pick(random, CHANNELS) },
    { key: 'handled', value: 'no' },
    { key: 'level', value: 'error' },
    { key: 'mechanism', value: 'onerror' },
    { key: 'os', value: system },
    { key: 'release', value: `2025${String(101 + Math.floor(random() * 28)).padStart(4, '0')}093000` },
  ];
  return user === null ? tags : [...tags, { key: 'user', value: user }];
}

function breadcrumbs(random: Random, receivedAt: Date): string {
  const values = Array.from({ length: BREADCRUMBS }, (_, index) => ({
    type: 'http',
    timestamp: sentryDate(new Date(receivedAt.getTime() - (BREADCRUMBS - index) * 1_500)),
    level: 'info',
    message: null,
    category: 'fetch',
    data: {
      method: 'GET',
      status_code: 200,
      url: `https://example.com/api/items/${Math.floor(random() * 1e6)}`,
    },
    event_id: null,
  }));
  return JSON.stringify({ type: 'breadcrumbs', data: { values } });
}
