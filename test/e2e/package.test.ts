import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../dev/output.ts';
import { packageVersion } from '../../src/cli/version.ts';
import { createDatabase } from '../support/database.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** npm fetches packages, and everything takes its time on a busy machine. */
const MINUTES_15 = 900;
const database = await createDatabase({ migrated: false });

let scratch = '';
let packed: readonly string[] = [];
/** An empty folder, as a person who installed the package may be in. */
let empty = '';

const program = (name: string, parameters: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}) =>
  run(name, parameters, {
    cwd,
    seconds: MINUTES_15,
    // The Node that runs the tests comes first: a machine's own can be too old for the package.
    env: {
      PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
      HOME: process.env.HOME,
      NODE_EXTRA_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS,
      NODE_NO_WARNINGS: '1',
      ...env,
    },
  });

const installed = (parameters: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  program(join(scratch, 'global/bin/bec-alerts'), parameters, empty, env);

async function npm(parameters: readonly string[], cwd: string): Promise<string> {
  const { ok, text } = await program(
    'npm',
    [...parameters, '--no-audit', '--no-fund', '--prefer-offline'],
    cwd,
  );
  if (!ok) throw new Error(`npm ${parameters[0]} failed:\n${text}`);
  return text;
}

// Packed from a copy: the build begins by deleting `dist`, which other tests may be using.
beforeAll(
  async () => {
    scratch = await mkdtemp(join(tmpdir(), 'bec-alerts-package-'));
    empty = join(scratch, 'empty');
    const copy = join(scratch, 'copy');
    await mkdir(join(copy, 'dev'), { recursive: true });
    await mkdir(empty);
    for (const name of await readdir(ROOT)) {
      if (/^(src|migrations|package\.json|tsconfig.*\.json|.*\.md|LICENSE)$/.test(name)) {
        await cp(join(ROOT, name), join(copy, name), { recursive: true });
      }
    }
    await cp(join(ROOT, 'dev/build.ts'), join(copy, 'dev/build.ts'));
    await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
    await npm(['pack', '--pack-destination', scratch], copy);
    const tarball = `bec-alerts-${packageVersion()}.tgz`;
    packed = (await program('tar', ['-tzf', tarball], scratch)).text
      .split('\n')
      .map((path) => path.replace('package/', ''));
    await npm(['install', '--global', '--prefix', join(scratch, 'global'), join(scratch, tarball)], empty);
  },
  2 * MINUTES_15 * 1_000,
);
afterAll(() => rm(scratch, { recursive: true, force: true }));

describe('the package', () => {
  it('holds the program and its types, and no source', () => {
    for (const file of [
      'dist/cli/main.js',
      'dist/processor/worker/entry.js',
      'dist/index.d.ts',
      'LICENSE',
      'package.json',
    ]) {
      expect(packed).toContain(file);
    }
    expect(packed.filter((path) => path.startsWith('migrations/')).length).toBeGreaterThan(0);
    const folders = new Set(packed.map((path) => path.split('/')[0]));
    for (const folder of ['src', 'test', 'dev', 'bench', 'sentry', 'node_modules', '.env']) {
      expect(folders).not.toContain(folder);
    }
  });

  it('runs after npm install --global, in an empty folder', async () => {
    expect(await installed(['--version'])).toEqual({ ok: true, text: packageVersion() });
    expect((await installed(['--help'])).text).toContain('watcher');
    expect(await readdir(empty)).toEqual([]);
  });

  it('is started by Node itself in a clone, as a service manager does it', async () => {
    const copy = join(scratch, 'copy');
    const main = join(copy, 'dist/cli/main.js');
    const { ok, text } = await program(join(copy, 'node_modules/.bin/node'), [main, 'processor'], empty);
    expect(ok).toBe(false);
    expect(text).toMatch(/^bec-alerts: wrong configuration\n +DATABASE_URL +is required/);
  });

  it('names the missing variables if no variable is set', async () => {
    const { ok, text } = await installed(['processor']);
    expect(ok).toBe(false);
    expect(text).toMatch(/DATABASE_URL +is required/);
  });

  it('migrates a database and evaluates with a trigger file that imports its types', async () => {
    await writeFile(
      join(empty, 'triggers.ts'),
      `import type { Trigger } from 'bec-alerts';
       const every: Trigger = {
         name: 'Every one',
         emails: ['oncall@example.com'],
         evaluate: async (issue, context) => ({ notify: context.recipients.length === 1, because: issue.groupId }),
       };
       export default [every];`,
    );
    const env = { DATABASE_URL: database.url, AWS_DEFAULT_REGION: 'us-east-1', LOG_FORMAT: 'compose' };
    expect(await installed(['migrate'], env)).toMatchObject({
      ok: true,
      text: expect.stringContaining('the database schema is up to date now'),
    });
    await database.pool.query(`
      INSERT INTO issues (group_id, project_id, message, module, stack_frames, first_seen, last_seen, changed_in)
      VALUES ('g77', '7', 'a message', 'x', '[]', now(), now(), pg_current_xact_id())`);
    const { ok, text } = await installed(
      ['watcher', '--once', '--console-alerts', '--triggers', 'triggers.ts'],
      env,
    );
    expect({ ok, text }).toMatchObject({ ok: true, text: expect.stringMatching(/Every one[\s\S]*g77/) });
  });

  it('has types that help a trigger’s author', async () => {
    await mkdir(join(empty, 'node_modules'), { recursive: true });
    await symlink(
      join(scratch, 'global/lib/node_modules/bec-alerts'),
      join(empty, 'node_modules/bec-alerts'),
    );
    const wrong = `import { defineTrigger } from 'bec-alerts';
      export default [defineTrigger({ name: 'x', emails: [], evaluate: async () => ({ notify: 'yes' }) })];`;
    await writeFile(join(empty, 'wrong.ts'), wrong);
    const check = (file: string) =>
      program(
        join(ROOT, 'node_modules/.bin/tsc'),
        [
          '--noEmit',
          '--strict',
          '--module',
          'nodenext',
          '--target',
          'es2024',
          '--skipLibCheck',
          '--types',
          '',
          file,
        ],
        empty,
      );
    const right = await check('triggers.ts');
    expect(right.text).toBe('');
    const { ok, text } = await check('wrong.ts');
    expect(ok).toBe(false);
    expect(text).toMatch(/is not assignable to type 'Verdict'/);
  });
});
