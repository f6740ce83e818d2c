import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import type { Patience } from '../../../../../src/watcher/triggers/trial/check-file.ts';
import { checkTriggerFile } from '../../../../../src/watcher/triggers/trial/check-file.ts';

/** The mistakes in a file with this content, and the output of the file. */
async function check(source: string, patience?: Patience): Promise<{ found: string; printed: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'bec-alerts-check-'));
  const file = join(folder, 'triggers.mjs');
  await writeFile(file, source);
  const output = new PassThrough();
  const found = await checkTriggerFile(file, output, patience).then(
    (triggers) => triggers.map(({ name }) => name).join(),
    (error: Error) => error.message.replaceAll(folder, ''),
  );
  await rm(folder, { recursive: true });
  return { found, printed: String(output.read() ?? '') };
}

const LONG = 60_000;
const FINE = "{ name: 'Fine', emails: [], evaluate: () => ({ notify: false }) }";
const LOOPS = "{ name: 'Loops', emails: [], evaluate() { for (;;); } }";

it.concurrent('a file whose code never returns doesn’t stop the check, and loses no earlier mistake', async () => {
  const wrong = "{ name: 'Wrong', emails: ['nobody'], evaluate: () => true }";
  const { found } = await check(`export default [\n  ${wrong},\n  ${LOOPS},\n  ${FINE},\n];`, {
    loading: LONG,
    trying: 2_000,
  });
  expect(found).toContain('trigger 1 (Wrong): emails[0] must be an ASCII email address');
  expect(found).toContain('trigger 1 (Wrong): evaluate failed on every made-up issue');
  expect(found).toContain(
    'trigger 2 (Loops): evaluate did not return within 2 s (/triggers.mjs:3:40); later triggers were not tried',
  );
});

it.concurrent.each([
  ['a loop at its top', 'for (;;);', /it can't be loaded: it did not return within 0.5 s$/, 500],
  [
    'an answer that never comes at its top',
    'await new Promise(() => {});',
    /awaits something that never comes$/,
    LONG,
  ],
  [
    'the same with a timer',
    'setInterval(() => {}, 9); await new Promise(() => {});',
    /not return within 0.5 s$/,
    500,
  ],
  ['its process ended at its top', 'process.exit(0);', /it ends its process \(exit code 0\)/, LONG],
  [
    'a callback that throws',
    "setTimeout(() => { throw new Error('late'); }, 1); await new Promise((go) => setTimeout(go, 500));",
    /a callback, failed: late \(\/triggers\.mjs:1:\d+\)$/,
    LONG,
  ],
])('a file with %s is named as wrong', async (_, source, expected, loading) => {
  const { found } = await check(`${source}\nexport default [${FINE}];`, { loading, trying: LONG });
  expect(found).toMatch(/^wrong triggers in \/triggers\.mjs\n {2}it can't be loaded: /);
  expect(found).toMatch(expected);
});

it('a promise that a trigger forgets is named as its own', async () => {
  const forgets = `{ name: 'Forgets', emails: [], evaluate(issue, context) {
    context.counts(issue, { days: 0 }).then((counts) => counts.nope.x);
    return { notify: false };
  } }`;
  const { found } = await check(`export default [${FINE}, ${forgets}];`);
  expect(found).toMatch(
    /trigger 2 \(Forgets\): a promise that nobody awaits.*'x'\) \(\/triggers\.mjs:2:\d+\)/,
  );
});

it('a file that leaves intervals and servers behind is right, and its output is kept apart', async () => {
  const source = `import { createServer } from 'node:http';
    createServer().listen(0); setInterval(() => {}, 5); console.log('at the top');
    export default [${FINE}];`;
  expect(await check(source)).toEqual({ found: 'Fine', printed: 'at the top\n' });
});

it('a mistake in a file that the trigger file imports is named by that file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bec-alerts check %41-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'triggers.mjs');
  await writeFile(file, "import { one } from './one.mjs';\nexport default [one];");
  await writeFile(
    join(folder, 'one.mjs'),
    "export const one = { name: 'One', emails: [],\n  evaluate: (issue, context) => context.counts() };",
  );
  await expect(checkTriggerFile(file, new PassThrough())).rejects.toThrow(`(${join(folder, 'one.mjs')}:2:`);
});
