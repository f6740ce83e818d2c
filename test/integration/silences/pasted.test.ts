import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { storeEvents } from '../../../src/db/events.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { errorEvent } from '../../support/events.ts';
import { startSesStandIn } from '../../support/ses.ts';
import { silenceRows } from '../../support/silences.ts';
import { everyEventFile, outbox, runWatcher } from '../../support/watcher.ts';

const database = await createDatabase();
const { pool } = database;
const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));

/** Runs a line in a shell that knows the command `bec-alerts`. */
function paste(line: string): string {
  const command = line.replace(/^bec-alerts/, '"$NODE" "$MAIN"');
  const env = {
    PATH: process.env.PATH,
    NODE: process.execPath,
    MAIN,
    DATABASE_URL: database.url,
    USER: 'ann',
  };
  return execFileSync('/bin/sh', ['-c', command], { env, encoding: 'utf8' });
}

describe('the last line of an email', () => {
  it.each(['4200001', "-a'b $(exit 3)"])(
    'silences issue %j when it is pasted into a shell',
    async (groupId) => {
      await emptyTables(pool);
      const ses = await startSesStandIn();
      const TRIGGERS = await everyEventFile();
      await storeEvents(pool, [errorEvent({ groupId, message: 'x' })]);
      await runWatcher(database, ses.endpoint, [], { TRIGGERS });
      const command = ses.taken[0]?.text.trimEnd().split('\n').at(-1) ?? '';
      expect(paste(command)).toContain(' is silenced: ');
      expect(await silenceRows(pool)).toMatchObject([
        { group_id: groupId, trigger: null, because: '…', created_by: 'ann', length: 8 * 3_600 },
      ]);
      await storeEvents(pool, [errorEvent({ groupId, message: 'x' })]);
      await runWatcher(database, ses.endpoint, [], { TRIGGERS });
      expect(await outbox(pool)).toHaveLength(1);
      expect(ses.taken).toHaveLength(1);
    },
  );
});
