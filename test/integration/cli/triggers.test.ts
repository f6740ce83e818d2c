import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Environment, Finished } from '../../support/command.ts';
import { runCommand, runInOwnProcess } from '../../support/command.ts';

/** Writes a folder of its own. @returns its path */
async function folder(files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'bec-alerts-triggers-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), text);
  }
  return directory;
}

async function triggers(
  files: Readonly<Record<string, string>>,
  file: string,
  parameters: readonly string[] = [],
): Promise<Finished & { directory: string }> {
  const directory = await folder(files);
  const finished = await runCommand(['triggers', '--triggers', file, ...parameters], {}, directory);
  return { ...finished, directory };
}

const list = (env: Environment, ...parameters: string[]) => runCommand(['triggers', ...parameters], env);
const NEVER = 'evaluate: () => ({ notify: false })';

describe('bec-alerts triggers', () => {
  it('lists the built-in triggers with their recipients, without a database or AWS', async () => {
    expect(await list({ ALERT_EMAILS: 'ann@example.com, bob@example.com' })).toMatchObject({
      code: 0,
      stderr: '',
      stdout: [
        'TRIGGER          ENABLED  TEMPLATE                  RECIPIENTS',
        'Healthcheck      yes      basic-alert (text, HTML)  ann@example.com',
        '                                                    bob@example.com',
        'New top crasher  yes      basic-alert (text, HTML)  ann@example.com',
        '                                                    bob@example.com',
        'Every event      no       basic-alert (text, HTML)  ann@example.com',
        '                                                    bob@example.com',
        'Every new issue  no       basic-alert (text, HTML)  ann@example.com',
        '                                                    bob@example.com',
        '',
        '4 triggers, 2 enabled (built in; --triggers FILE uses others)',
        '',
      ].join('\n'),
    });
  });

  it('says that nobody is notified while ALERT_EMAILS is not set', async () => {
    const { code, stdout } = await list({});
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Healthcheck +yes .* nobody: set ALERT_EMAILS$/m);
  });

  it('prints JSON', async () => {
    const { code, stdout } = await list({ ALERT_EMAILS: 'ann@example.com' }, '--json');
    expect(code).toBe(0);
    const { file, triggers } = JSON.parse(stdout);
    expect(file).toBeNull();
    expect(triggers).toHaveLength(4);
    expect(triggers[2]).toEqual({
      name: 'Every event',
      enabled: false,
      emails: ['ann@example.com'],
      template: 'basic-alert',
      html: true,
    });
  });

  it('prints only JSON, whatever the file prints as it is loaded', async () => {
    const source = `
      console.log('at the top');
      const subject = () => { console.log('in subject'); return 'x'; };
      export default [{ name: 'Own', emails: [], subject, ${NEVER} }];`;
    const { code, stdout, stderr } = await triggers({ 'own.mjs': source }, 'own.mjs', ['--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'at the top\nin subject\n' });
    expect(JSON.parse(stdout).triggers).toHaveLength(1);
  });

  it('refuses an invalid address, by its variable', async () => {
    const { code, stdout, stderr } = await list({ ALERT_EMAILS: 'ann' });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/wrong configuration\n {2}ALERT_EMAILS {2}must be email addresses/);
  });

  it('lists a file’s triggers in its order, with their templates', async () => {
    const source = `
      import type { Trigger } from 'bec-alerts';
      const one: Trigger = { name: 'One', emails: [], template: 'mine', enabled: false, ${NEVER} };
      const two: Trigger = { name: 'Two', emails: ['ann@example.com'], template: 'mails/other.eta', ${NEVER} };
      export default [one, two];`;
    const files = {
      'triggers.mts': source,
      'mine.txt.eta': 'x',
      'mine.html.eta': 'x',
      'mails/other.eta': 'x',
    };
    expect(await triggers(files, './triggers.mts')).toMatchObject({
      code: 0,
      stderr: '',
      stdout: [
        'TRIGGER  ENABLED  TEMPLATE                RECIPIENTS',
        'One      no       mine (text, HTML)       nobody',
        'Two      yes      mails/other.eta (text)  ann@example.com',
        '',
        '2 triggers, 1 enabled (from ./triggers.mts)',
        '',
      ].join('\n'),
    });
  });

  it('takes the file from TRIGGERS too, and the option before it', async () => {
    const directory = await folder({
      'a.mjs': 'export default []',
      'b.mjs': `export default [{ name: 'B', emails: [], ${NEVER} }]`,
    });
    const env = { TRIGGERS: 'a.mjs' };
    expect((await runCommand(['triggers'], env, directory)).stdout).toContain(
      '0 triggers, 0 enabled (from a.mjs)',
    );
    const both = await runCommand(['triggers', '--triggers', 'b.mjs'], env, directory);
    expect(both.stdout).toContain('1 trigger, 1 enabled (from b.mjs)');
  });
});

describe('a trigger file', () => {
  const own = `{ name: 'Own', emails: ['ann@example.com'], ${NEVER} }`;

  it('that leaves an interval running keeps no command from ending', async () => {
    const source = `setInterval(() => {}, 1_000); export default [${own}];`;
    const parameters = ['triggers', '--triggers', 'own.mjs'];
    const { code, signal, stdout } = await runInOwnProcess(
      parameters,
      {},
      await folder({ 'own.mjs': source }),
    );
    expect({ code, signal }).toEqual({ code: 0, signal: null });
    expect(stdout).toContain('1 trigger, 1 enabled');
  });

  it.each([
    [
      'triggers.ts',
      `import { defineTrigger, type Trigger } from 'bec-alerts';\nconst all: Trigger[] = [defineTrigger(${own})];\nexport default all;`,
    ],
    [
      'triggers.mts',
      `import type { Trigger } from 'bec-alerts';\nexport default [${own}] satisfies Trigger[];`,
    ],
    ['triggers.mjs', `import { defineTrigger } from 'bec-alerts';\nexport default [defineTrigger(${own})];`],
    ['estimate.mjs', `import { estimate } from 'bec-alerts';\nestimate(12_345);\nexport default [${own}];`],
    ['triggers.js', `export default [${own}];`],
    ['triggers.cjs', `module.exports = [${own}];`],
    ['parts.mjs', `import { one } from './one.mjs';\nexport default [one];`],
  ])('needs nothing installed next to it: %s', async (file, source) => {
    const files = {
      [file]: source,
      'one.mjs': `export const one = ${own};`,
      'package.json': '{ "type": "module" }',
    };
    const { code, stdout, stderr } = await triggers(files, file);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Own {6}yes/m);
  });

  it.each<[string, string, string, RegExp]>([
    ['is not there', 'absent.ts', '', /there is no such file \(\/.*\/absent\.ts\)/],
    ['is JSON', 'triggers.json', '[]', /it can't be loaded/],
    [
      'exports nothing',
      'triggers.mts',
      'export const x = 1;',
      /default export must be an array .*; it is missing/,
    ],
    [
      'exports one trigger',
      'triggers.mts',
      `export default ${own};`,
      /must be an array .*; it is something else/,
    ],
    [
      'has an enum',
      'triggers.mts',
      'enum A { B }\nexport default [];',
      /without enum, namespace .*triggers\.mts:1\)/,
    ],
    ['is not TypeScript', 'triggers.mts', '\nconst x = = 1;', /Expression expected \(.*triggers\.mts:2\)/],
    [
      'throws',
      'triggers.mts',
      '\n\nexport default [nothing];',
      /nothing is not defined \(.*triggers\.mts:3:17\)/,
    ],
    [
      'imports a package that is not installed',
      'triggers.mts',
      "import x from 'not-installed';\nexport default [x];",
      /'not-installed'.*import only types from it, with `import type`/,
    ],
    [
      'imports a type without saying so',
      'triggers.mts',
      "import { Trigger } from 'bec-alerts';\nexport default [] as Trigger[];",
      /types are imported with `import type`/,
    ],
    [
      'is under node_modules',
      'node_modules/own/triggers.ts',
      'export default [];',
      /no TypeScript under node_modules: move the file out of there, or compile/,
    ],
  ])('is refused where it %s', async (_, file, source, expected) => {
    const files: Record<string, string> = source === '' ? {} : { [file]: source };
    const { code, stdout, stderr } = await triggers(files, file);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`wrong triggers in ${file}\n`);
    expect(stderr).toMatch(expected);
  });

  it('has all its mistakes named at once, by the watcher as well, which does not have to reach a database', async () => {
    const source = `export default [
      { name: 'One', emails: ['nobody'], enable: false, ${NEVER} },
      { name: 'One', emails: [], template: 'broken', evalute: () => 1 },
      { name: 'Three', emails: [], template: 'absent', subject: (alert) => alert.isue.message, ${NEVER} },
    ];`;
    const files = { 'triggers.mts': source, 'broken.eta': 'x\n<%= it.alert.isue.message %>' };
    const { directory, ...listed } = await triggers(files, 'triggers.mts');
    const watched = await runCommand(
      ['watcher', '--once', '--triggers', 'triggers.mts'],
      { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', AWS_DEFAULT_REGION: 'us-east-1' },
      directory,
    );
    for (const { code, stdout, stderr } of [listed, watched]) {
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      for (const mistake of [
        'trigger 1 (One): emails[0] must be an ASCII email address, not "nobody"',
        'trigger 1 (One): unknown key "enable": is enabled meant?',
        'trigger 2 (One): the name is taken: trigger 1 has it',
        'trigger 2 (One): evaluate is missing',
        'trigger 2 (One): unknown key "evalute": is evaluate meant?',
        `trigger 2 (One): template ${directory}/broken.eta: ${directory}/broken.eta:2`,
        `trigger 3 (Three): template "absent" is neither built in`,
        'trigger 3 (Three): subject failed on a sample alert: Cannot read properties of undefined',
      ]) {
        expect(stderr).toContain(mistake);
      }
    }
  });

  it('has its triggers tried on made-up issues, the disabled ones too, and every mistake named with its line', async () => {
    const source = `export default [
      { name: 'One', emails: ['ann@example.com'], enabled: false,
        evaluate: async (issue, context) => ({ notify: (await context.count(issue)) > 1, because: 'x' }) },
      { name: 'Two', emails: ['nobody'], evaluate: () => true },
      { name: 'Three', emails: [], evaluate: () => new Promise(() => {}) },
      { name: 'Four', emails: [], evaluate: (issue) => ({ notify: issue.stackFrames[0].line > 1, because: 'x' }) },
    ];`;
    const { directory, code, stdout, stderr } = await triggers({ 'triggers.mts': source }, 'triggers.mts');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    for (const mistake of [
      'trigger 1 (One): evaluate failed on every made-up issue: context.count is not a function; context has now, ' +
        'recipients, counts, series, tags, top, lastNotified, neverNotified, lastAlert; did you mean counts? ' +
        `(${directory}/triggers.mts:3:71)`,
      'trigger 2 (Two): emails[0] must be an ASCII email address',
      `trigger 2 (Two): evaluate failed on every made-up issue: evaluate must return { notify: false } or`,
      `it returned true (${directory}/triggers.mts:4:52)`,
      'trigger 3 (Three): evaluate failed on every made-up issue: it did not return within 3 s',
      'trigger 4 (Four): evaluate failed on a made-up issue without module and stack: Cannot read',
    ]) {
      expect(stderr).toContain(mistake);
    }
  });

  it('is loaded by the watcher even where a trigger fails on made-up issues alone', async () => {
    const picky = `{ name: 'Picky', emails: [], evaluate: () => { throw new Error('made up'); } }`;
    const directory = await folder({ 'own.mjs': `export default [${picky}];` });
    const env = { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', AWS_DEFAULT_REGION: 'us-east-1' };
    const parameters = ['watcher', '--once', '--console-alerts', '--triggers', 'own.mjs'];
    const { code, stderr } = await runCommand(parameters, env, directory);
    expect(code).toBe(1);
    expect(stderr).toContain('ECONNREFUSED');
    expect(stderr).not.toContain('wrong triggers');
  });
});
