import type { Stored } from '../../db/past-stored.ts';
import type { Window } from '../../domain/time.ts';
import { DAY, dayNumber } from '../../domain/time.ts';
import type { PageQuestions } from '../evaluator/trigger-context.ts';
import { daysBack, isStored } from './past-answers.ts';

/** The questions of one trigger that stored counts don't answer fully. */
export interface Limits {
  /** Hours were estimated from their days, since only the days are stored. */
  estimated: boolean;
  /** From this UTC day on, all days that the trigger asks about are stored. Null if they always were. */
  surelySince: Date | null;
}

export function noLimits(): Limits {
  return { estimated: false, surelySince: null };
}

/** The questions of one trigger, whose limits are noted. Answers are shared, so each trigger must note its own questions. */
export function notingLimits(
  questions: PageQuestions,
  stored: Stored,
  now: Date,
  limits: Limits,
): PageQuestions {
  const note = (window: Window) => {
    if (!isStored(window, now, stored.hoursSince)) limits.estimated = true;
    if (stored.daysSince === null || !stored.olderIssues) return;
    const [first, back] = [dayNumber(stored.daysSince), daysBack(now, window)];
    if (dayNumber(now) - back >= first) return;
    limits.surelySince = new Date(Math.max((first + back) * DAY, limits.surelySince?.getTime() ?? 0));
  };
  return {
    ...questions,
    counts: (issueId, window) => {
      note(window);
      return questions.counts(issueId, window);
    },
    series: (issueId, window) => {
      note(window);
      return questions.series(issueId, window);
    },
    tags: (issueId, tag, window) => {
      note(window);
      return questions.tags(issueId, tag, window);
    },
    top: (ranking) => {
      note({ unit: 'day', back: ranking.days });
      return questions.top(ranking);
    },
  };
}
