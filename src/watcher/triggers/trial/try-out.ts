import { oneLine, plural } from '../../../domain/text.ts';
import type { Trigger } from '../../../domain/trigger.ts';
import { messageOf } from '../../../runtime/errors.ts';
import { pause } from '../../../runtime/loop.ts';
import { placeIn } from '../place.ts';
import { checkedVerdict } from '../verdict.ts';
import type { MadeUpIssue, Situation } from './made-up.ts';
import { MADE_UP_ISSUES, madeUpContext, SITUATIONS } from './made-up.ts';
import { missingHint, notingMissing } from './missing-names.ts';

/** How long a trigger may take over all made-up issues. Its questions are answered at once. */
const PATIENCE_MILLISECONDS = 3_000;
const MOST_MISTAKES = 5;
const MAX_MESSAGE = 600;

/** Where a trigger is written. */
export interface Places {
  /** The trigger file's absolute path. */
  readonly file: string;
  /** `file:line:column` of `evaluate`, for mistakes that have no line of their own; null where it isn't known. */
  readonly evaluate: string | null;
}

/** One evaluation that is tried. */
interface Trial extends MadeUpIssue {
  readonly situation: Situation;
}

const TRIALS: readonly Trial[] = SITUATIONS.flatMap((situation) =>
  MADE_UP_ISSUES.map((made) => ({ ...made, situation })),
);

/**
 * Lets a trigger evaluate made-up issues, each in several situations.
 * @returns its distinct mistakes, each with a line of the file; none where it returns verdicts alone
 */
export async function tryOut(
  trigger: Pick<Trigger, 'emails' | 'evaluate'>,
  places: Places,
  patienceMilliseconds = PATIENCE_MILLISECONDS,
): Promise<readonly string[]> {
  const done = new AbortController();
  const late = pause(patienceMilliseconds, done.signal).then(() => lateness(places, patienceMilliseconds));
  const tried = TRIALS.map(async (trial) => {
    const mistake = await Promise.race([mistakeOf(trigger, trial, places), late]);
    return { trial, mistake };
  });
  const failed = (await Promise.all(tried)).filter(({ mistake }) => mistake !== null);
  done.abort();
  const distinct = [...Map.groupBy(failed, ({ mistake }) => mistake)].map(([mistake, found]) => {
    return `evaluate failed on ${whichOf(found.map(({ trial }) => trial))}: ${mistake}`;
  });
  const more = distinct.length - MOST_MISTAKES;
  return more <= 0
    ? distinct
    : [...distinct.slice(0, MOST_MISTAKES), `evaluate failed in ${plural(more, 'other way')} too`];
}

/** Null where `evaluate` returns a verdict. */
async function mistakeOf(
  trigger: Pick<Trigger, 'emails' | 'evaluate'>,
  trial: Trial,
  places: Places,
): Promise<string | null> {
  const issue = Object.freeze({ ...trial.issue });
  const context = madeUpContext(issue, trial.situation, trigger.emails);
  const missing = { issue: new Set<string>(), context: new Set<string>() };
  try {
    const answer = await trigger.evaluate(
      Object.freeze(notingMissing(issue, missing.issue)),
      notingMissing(context, missing.context),
    );
    checkedVerdict(answer, context.recipients);
    return null;
  } catch (thrown) {
    const hints =
      missingHint('context', context, missing.context) + missingHint('issue', issue, missing.issue);
    // A thrown value without a stack may come from any line of it.
    const place = (thrown instanceof Error ? placeIn(thrown, places.file) : null) ?? places.evaluate;
    return located(`${messageOf(thrown)}${thrown instanceof TypeError ? hints : ''}`, place);
  }
}

function lateness({ evaluate }: Places, milliseconds: number): string {
  const message = `it did not return within ${milliseconds / 1_000} s; it may wait only for the answers of context`;
  return located(message, evaluate);
}

function located(message: string, place: string | null): string {
  return `${oneLine(message, MAX_MESSAGE)}${place === null ? '' : ` (${place})`}`;
}

/** Describes the trials that failed alike, by the parts that they share. */
function whichOf(failed: readonly Trial[]): string {
  const [first] = failed;
  if (first === undefined || failed.length === TRIALS.length) return 'every made-up issue';
  const { which, situation } = first;
  const inEverySituation = failed.filter((trial) => trial.which === which).length === SITUATIONS.length;
  if (inEverySituation) return `a made-up issue ${which}`;
  const ofEveryIssue =
    failed.filter((trial) => trial.situation === situation).length === MADE_UP_ISSUES.length;
  return ofEveryIssue
    ? `a made-up issue with ${situation.which}`
    : `a made-up issue ${which} and with ${situation.which}`;
}
