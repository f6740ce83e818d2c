import type { Silence } from '../../domain/silence.ts';
import { authorAndReason, scopeOf } from '../../domain/silence.ts';
import { time } from '../../domain/time.ts';
import type { Explanation } from '../../watcher/explain/explain.ts';
import { untilOf } from './silences-text.ts';

/** A line for each silence of the issue: those that hold, then those that ended last. */
export function silencesOf({ silences: { holding, over }, at }: Explanation): string[] {
  return [
    ...holding.map((silence) => `until ${untilOf(silence, at)}, ${whoAndWhy(silence)}`),
    ...over.map((silence) => `${overText(silence)}, ${whoAndWhy(silence)}`),
  ];
}

function whoAndWhy(silence: Silence): string {
  return `for ${scopeOf(silence)}, ${authorAndReason(silence)}`;
}

/** A silence by users that no run has settled has no time of its end. */
function overText({ end, endedAt }: Silence): string {
  const at = endedAt ?? ('until' in end ? end.until : null);
  return at === null ? 'over' : `ended ${time(at)}`;
}
