import { expect, it } from 'vitest';
import type { StackFrame } from '../../../src/domain/issue.ts';
import { runCommand } from '../../support/command.ts';
import { createDatabase } from '../../support/database.ts';

const { url, pool } = await createDatabase();

/** Stores an issue as an older version did. */
async function stored(groupId: string, message: string, module: string, frames: readonly StackFrame[] = []) {
  await pool.query(
    `INSERT INTO issues (group_id, project_id, message, module, stack_frames, first_seen, last_seen, changed_in)
     VALUES ($1, '1', $2, $3, $4, now(), now(), pg_current_xact_id())`,
    [groupId, message, module, JSON.stringify(frames)],
  );
}

async function migrate(): Promise<string> {
  const { code, stdout, stderr } = await runCommand(['migrate'], {
    LOG_FORMAT: 'compose',
    DATABASE_URL: url,
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

async function texts(groupId: string): Promise<unknown> {
  const { rows } = await pool.query('SELECT message, module, stack_frames FROM issues WHERE group_id = $1', [
    groupId,
  ]);
  return rows[0];
}

const frame = (name: string | null, module: string | null): StackFrame => ({
  function: name,
  module,
  line: 1,
  column: 2,
});

it('migrate removes user data from issues that an older version stored, once, and all pages of them', async () => {
  await stored('clean', 'TypeError: x is undefined', 'resource:///modules/a.js', [frame('f', 'a.js')]);
  await stored('dirty', 'no answer for ann@example.com', 'file:///C:/Users/ann/a.js?token=secret', [
    frame('push', '[native code]'),
    frame('g', 'https://app.example/b.js?user=ann'),
  ]);
  await stored('native', 'Error: no', '[native code]', [
    frame('push', '[native code]'),
    frame('g', 'moz-extension://0a1b/b.js'),
  ]);
  for (let index = 0; index < 1_100; index += 1) await stored(`many-${index}`, 'for ann@example.com', 'a.js');
  const versionOf = async () =>
    (await pool.query(`SELECT xmin::text FROM issues WHERE group_id = 'clean'`)).rows[0]?.xmin;
  const before = await versionOf();

  expect(await migrate()).toContain('removed user data from stored issues changed=1102');
  expect(await texts('dirty')).toEqual({
    message: 'no answer for <email>',
    module: 'file:///C:/Users/…/a.js',
    stack_frames: [frame('push', '[native code]'), frame('g', 'https://app.example/b.js')],
  });
  expect(await texts('native')).toMatchObject({ module: 'moz-extension://0a1b/b.js' });
  expect(await texts('many-1099')).toMatchObject({ message: 'for <email>' });
  expect(await versionOf()).toBe(before);

  expect(await migrate()).not.toContain('removed user data');
  // A processor of the older version may still have been running.
  await stored('late', 'for bob@example.com', 'a.js');
  expect(await migrate()).toContain('removed user data from stored issues changed=1');
  expect(await texts('late')).toMatchObject({ message: 'for <email>' });
});
