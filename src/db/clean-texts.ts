import type pg from 'pg';
import type { StackFrame } from '../domain/issue.ts';
import { cleanText } from '../domain/privacy.ts';
import { firstOf, placeIn } from '../domain/stack.ts';

/** Raised when the rules of domain/privacy.ts become stricter: the texts of all issues are then cleaned again. */
const RULES = 1;
const PAGE_SIZE = 500;
/** More issues than all workers can create at the same time. */
const LOOKED_AT_AGAIN = 10_000;

interface StoredText {
  readonly id: string;
  readonly message: string;
  readonly module: string;
  /** JSON. */
  readonly frames: string;
}

/**
 * Removes user data from the texts of issues that were stored before it was removed from events, as far as they weren't
 * cleaned before. Each page commits on its own, so an interrupted cleaning continues where it was, and two at once share
 * the work.
 * @param progress called after each page with the number of issues looked at so far
 * @returns how many issues changed
 */
export async function cleanTexts(client: pg.ClientBase, progress: (looked: number) => void): Promise<number> {
  // An id that is lower than one of the last page may have been committed after that page was read.
  await client.query(
    `INSERT INTO text_cleanings AS known VALUES ($1, 0)
     ON CONFLICT (rules) DO UPDATE SET last_issue_id = greatest(0, known.last_issue_id - $2)`,
    [RULES, LOOKED_AT_AGAIN],
  );
  let looked = 0;
  let changed = 0;
  while (true) {
    await client.query('BEGIN');
    try {
      const page = await cleanPage(client);
      await client.query('COMMIT');
      if (page.looked === 0) return changed;
      looked += page.looked;
      changed += page.changed;
      progress(looked);
    } catch (error) {
      await client.query('ROLLBACK').catch(() => {});
      throw error;
    }
  }
}

async function cleanPage(client: pg.ClientBase): Promise<{ looked: number; changed: number }> {
  const { rows } = await client.query<StoredText>(
    `SELECT id, message, module, stack_frames::text AS frames
     FROM issues WHERE id > (SELECT last_issue_id FROM text_cleanings WHERE rules = $1 FOR UPDATE)
     ORDER BY id LIMIT $2`,
    [RULES, PAGE_SIZE],
  );
  const dirty = rows.flatMap((row) => cleaned(row) ?? []);
  if (dirty.length > 0) {
    const column = <K extends keyof StoredText>(key: K) => dirty.map((clean) => clean[key]);
    await client.query(
      // Locked in the order in which workers lock them, so that no deadlock is possible.
      `WITH locked AS MATERIALIZED (
         SELECT id FROM issues WHERE id = ANY($1::bigint[]) ORDER BY group_id COLLATE "C" FOR NO KEY UPDATE
       )
       UPDATE issues SET message = clean.message, module = clean.module, stack_frames = clean.frames
       FROM unnest($1::bigint[], $2::text[], $3::text[], $4::jsonb[]) AS clean (id, message, module, frames)
       JOIN locked USING (id)
       WHERE issues.id = clean.id`,
      [column('id'), column('message'), column('module'), column('frames')],
    );
  }
  const last = rows.at(-1);
  if (last !== undefined) {
    await client.query('UPDATE text_cleanings SET last_issue_id = $2 WHERE rules = $1', [RULES, last.id]);
  }
  return { looked: rows.length, changed: dirty.length };
}

/**
 * The texts without user data; null if they are clean already. An engine's placeholder as module, which older versions
 * stored, is replaced by the nearest frame that names a file.
 */
function cleaned(row: StoredText): StoredText | null {
  const stored = JSON.parse(row.frames) as StackFrame[];
  const frames = stored.map((frame) => ({
    ...frame,
    function: frame.function === null ? null : cleanText(frame.function),
    module: frame.module === null ? null : (placeIn(frame.module) ?? frame.module),
  }));
  const places = frames.map((frame) => frame.module);
  const clean = {
    id: row.id,
    message: cleanText(row.message),
    module: firstOf([row.module, ...places], placeIn) ?? '',
    frames: JSON.stringify(frames),
  };
  const isClean =
    row.message === clean.message && row.module === clean.module && JSON.stringify(stored) === clean.frames;
  return isClean ? null : clean;
}
