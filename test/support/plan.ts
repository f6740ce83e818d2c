import type { Db, Pool } from '../../src/db/pool.ts';

/** A database that also notes the plan of each statement. */
export function explaining(pool: Pool): { readonly db: Db; readonly plan: () => string } {
  const lines: string[] = [];
  return {
    db: {
      async query(statement) {
        const { rows } = await pool.query({ ...statement, text: `EXPLAIN ${statement.text}` });
        lines.push(...rows.map((row) => String(row['QUERY PLAN'])));
        return await pool.query(statement);
      },
    },
    plan: () => lines.join('\n'),
  };
}
