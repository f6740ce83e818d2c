import type { Db } from '../../db/pool.ts';
import type { NamedIssue } from '../../db/similar-issues.ts';
import { idsOfLength, issuesContaining, namedIssues } from '../../db/similar-issues.ts';
import { allClose, MOST_SLIPS } from '../triggers/spelling.ts';

const MOST_SIMILAR = 5;
/** Ids that are compared letter by letter. All of them take a fraction of a second. */
const MOST_COMPARED = 20_000;
/** Comparing longer texts letter by letter would take long, and nobody types them. */
const LONGEST_COMPARED = 64;

/** Issues whose id contains the text or is part of it. Without such issues: those whose ids are at most two slips away. */
export async function similarIssues(db: Db, text: string): Promise<readonly NamedIssue[]> {
  const containing = await issuesContaining(db, text, MOST_SIMILAR);
  if (containing.length > 0 || text.length > LONGEST_COMPARED) return containing;
  const lengths = { from: text.length - MOST_SLIPS, to: text.length + MOST_SLIPS };
  const candidates = await idsOfLength(db, lengths, MOST_COMPARED);
  return await namedIssues(db, allClose(text, candidates).slice(0, MOST_SIMILAR));
}
