import PostalMime from 'postal-mime';
import { expect, it, onTestFinished } from 'vitest';
import { clearEmails, startSes } from '../../../dev/services.ts';
import { storeEvents } from '../../../src/db/events.ts';
import { createDatabase } from '../../support/database.ts';
import { errorEvent } from '../../support/events.ts';
import { runWatcher, triggerFile } from '../../support/watcher.ts';

it('the local SES shows emails by thread, each with its source', async () => {
  const { pool, ...database } = await createDatabase();
  const ses = await startSes();
  onTestFinished(() => ses.close());
  await clearEmails(ses.endpoint);
  const at = async (path: string) => await fetch(new URL(path, ses.endpoint));
  expect(await (await at('/threads')).text()).toContain('No email has arrived yet.');

  const evaluate = "evaluate: () => ({ notify: true, because: 'always' })";
  const TRIGGERS = await triggerFile(
    `[{ name: 'Größe', emails: ['ann@example.com'], ${evaluate} }, { name: 'Second', emails: ['ann@example.com'], ${evaluate} }]`,
  );
  const message = '<script>alert(1)</script>';
  await storeEvents(pool, [
    errorEvent({ groupId: 'a', message }),
    errorEvent({ groupId: 'b', message: 'b' }),
  ]);
  expect(await runWatcher({ pool, ...database }, ses.endpoint, [], { TRIGGERS })).toMatchObject({ code: 0 });

  const page = await (await at('/threads')).text();
  const threads = page.split('<h2>').slice(1);
  expect(threads).toHaveLength(2);
  expect(threads.map((thread) => thread.match(/<li>/g)?.length)).toEqual([2, 2]);
  expect(page).toContain('Größe');
  expect(page).not.toContain('<script>');
  const [, link = ''] = /<a href="(\/threads\/\d+)">/.exec(page) ?? [];
  const source = await (await at(link)).text();
  expect((await PostalMime.parse(source)).to).toEqual([{ name: '', address: 'ann@example.com' }]);
  expect((await at('/threads/99')).status).toBe(404);
});
