import { estimate } from '../domain/estimate.ts';
import type { Issue, TagCount } from '../domain/issue.ts';
import { OTHER } from '../domain/tags.ts';
import type { Trigger, TriggerContext } from '../domain/trigger.ts';
import { defineTrigger } from '../domain/trigger.ts';
import { IS_EXTENSION, isExtension } from './extension.ts';
import { withDefaults } from './options.ts';
import { ALL_NOTIFIED, nobodyLeft } from './recipients.ts';

export interface NewInReleaseOptions {
  /** The trigger's name. Default: `New in release`. */
  readonly name?: string;
  /** How many of the newest releases count as new, 1 to 20. Default: 2. */
  readonly releases?: number;
  /** The least number of events over seven days. Default: 20. */
  readonly events?: number;
  /** The least number of affected users over seven days. Default: 10. */
  readonly users?: number;
}

const DAYS = 7;
/** Days in which releases are looked for. */
const RELEASE_DAYS = 30;
/** The issues whose events name the releases. */
const ISSUES = 20;
/** A release with a smaller share of an issue's events is not looked at, since anybody can send any text as a tag. */
const LEAST_SHARE = 0.01;

/**
 * Notifies each recipient once of an issue that appeared in one of the newest releases. The releases are those of the
 * most frequent issues and of the issue itself, ordered by their first event within 30 days. Nothing counts as new while
 * no older release is known. Recipients that another trigger has notified of the issue are left out, and so are issues of
 * browser extensions.
 */
export function newInRelease(emails: readonly string[], options: NewInReleaseOptions = {}): Trigger {
  const defaults = { name: 'New in release', releases: 2, events: 20, users: 10 };
  const {
    name,
    releases: newest,
    events: floor,
    users: leastUsers,
  } = withDefaults('newInRelease', options, defaults, { releases: [1, ISSUES] });
  return defineTrigger({
    name,
    emails,
    async evaluate(issue, context) {
      const release = issue.firstRelease;
      if (release === null) return { notify: false, because: 'its first event has no release' };
      const { events, users } = await context.counts(issue, { days: DAYS });
      if (events < floor) return { notify: false, because: `${events} events are fewer than ${floor}` };
      if (users < leastUsers)
        return { notify: false, because: `${users} users are fewer than ${leastUsers}` };
      if (isExtension(issue)) return { notify: false, because: IS_EXTENSION };
      const known = await releasesSeen(issue, context);
      const place = known.indexOf(release);
      if (known.length <= newest) {
        return {
          notify: false,
          because: `${known.length} releases are known, so none is older than the ${newest} newest`,
        };
      }
      if (place < 0 || place >= newest) {
        return { notify: false, because: `${release} is not one of the ${newest} newest releases` };
      }
      const recipients = await context.neverNotified(issue);
      if (recipients.length === 0) return nobodyLeft(context, ALL_NOTIFIED);
      return {
        notify: true,
        because: `it is new in release ${release}: ${estimate(events)} events by ${estimate(users)} users over ${DAYS} days`,
        recipients,
      };
    },
  });
}

/** The newest first. */
async function releasesSeen(issue: Issue, context: TriggerContext): Promise<string[]> {
  const ranking = await context.top({ days: DAYS, limit: ISSUES });
  const issues = [issue, ...ranking.map((ranked) => ranked.issue)];
  const tags = await Promise.all(issues.map((one) => context.tags(one, 'release', { days: RELEASE_DAYS })));
  const firstSeen = new Map<string, number>();
  for (const { value, firstSeen: seen } of tags.flat().filter(isRelease)) {
    firstSeen.set(value, Math.min(seen.getTime(), firstSeen.get(value) ?? Number.POSITIVE_INFINITY));
  }
  return [...firstSeen].sort(([, one], [, other]) => other - one).map(([value]) => value);
}

/** OTHER stands for many values. */
function isRelease({ value, share }: TagCount): boolean {
  return share >= LEAST_SHARE && value !== OTHER;
}
