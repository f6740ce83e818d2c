import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { dumpSchema } from '../../../dev/schema/dump.ts';
import { createDatabase } from '../../support/database.ts';

const COMMITTED = new URL('../../../docs/schema.sql', import.meta.url);

it('docs/schema.sql is the schema that the migrations create; `npm run schema` writes it again', async () => {
  const { url } = await createDatabase();
  expect(await dumpSchema(url)).toBe(await readFile(COMMITTED, 'utf8'));
});

it('the schema as written makes the same schema again', async () => {
  const { url, pool } = await createDatabase({ migrated: false });
  const committed = await readFile(COMMITTED, 'utf8');
  await pool.query(committed);
  expect(await dumpSchema(url)).toBe(committed);
});
