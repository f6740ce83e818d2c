import { afterEach, describe, expect, it, vi } from 'vitest';
import { runCommandLine } from '../../../src/cli/program.ts';

const { isTTY, columns } = process.stdout;
afterEach(() => {
  vi.restoreAllMocks();
  Object.assign(process.stdout, { isTTY, columns });
});

/** The help as it is printed on a terminal so wide; 0 for a pipe. */
async function help(terminalColumns: number, ...command: string[]): Promise<string> {
  const written: string[] = [];
  Object.assign(process.stdout, { isTTY: terminalColumns > 0, columns: terminalColumns });
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  const code = await runCommandLine(['node', 'bec-alerts', ...command, '--help'], {});
  vi.restoreAllMocks();
  expect(code).toBe(0);
  return written.join('');
}

const words = (text: string) => text.split(/\s+/);
const [, listed = ''] = /\nCommands:\n([\s\S]*?)\n\n/.exec(await help(0)) ?? [];
const names = [...listed.matchAll(/^ {2}([a-z_]+)/gm)].map(([, name = '']) => name);
const commands = [
  '',
  ' manage',
  ' manage migrate',
  ...names.filter((name) => name !== 'help').map((name) => ` ${name}`),
];
const lines = commands.map((command) => `bec-alerts${command}`);

describe('--help', () => {
  it('lists the commands, which the tests below take from there', () => {
    expect(names).toEqual(
      expect.arrayContaining(['processor', 'watcher', 'dead_letters', 'migrate', 'status']),
    );
  });

  it.each(lines)('of "%s" fits 80 columns, and no line ends inside a word', async (line) => {
    const [, ...given] = line.split(' ');
    const unbroken = words(await help(1_000, ...given));
    for (const terminal of [0, 80]) {
      const text = await help(terminal, ...given);
      expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
      expect(words(text)).toEqual(unbroken);
    }
  });

  it('wraps on narrower terminals too', async () => {
    const text = await help(70, 'watcher');
    expect(text.split('\n').filter((line) => line.length > 70)).toEqual([]);
  });

  it('shows each default as the settings have it, and what holds without one', async () => {
    const watcher = (await help(1_000, 'watcher')).replaceAll(/ {2,}/g, ' ');
    expect(watcher).toContain(
      '--sleep-delay <seconds> seconds between two runs (WATCHER_SLEEP_DELAY; default 300)\n',
    );
    expect(watcher).toContain('(SES_FROM_EMAIL; default notifications@sentry.prod.mozaws.net)\n');
    expect(watcher).toContain("(SES_MAX_SEND_RATE; default: the SES account's rate)\n");
    expect(watcher).toMatch(/--once .*\(WATCHER_ONCE\)\n/);
    const simulate = await help(1_000, 'simulate_error');
    expect(simulate).toContain('(SIMULATE_SENTRY_DSN; required)\n');
    expect(simulate).toContain('(SIMULATE_MESSAGE; default "bec-alerts simulated error")\n');
  });
});
