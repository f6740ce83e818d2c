import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  backtestSettings,
  deadLettersSettings,
  explainSettings,
  migrateSettings,
  processorSettings,
  simulateSettings,
  statusSettings,
  triggersSettings,
  watcherSettings,
} from '../../src/config/env.ts';
import type { Issue } from '../../src/domain/issue.ts';
import type { Trigger, TriggerContext } from '../../src/domain/trigger.ts';

const README = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
const TABLE_ROWS = README.split('\n').filter((line) => line.startsWith('| `'));
const SETTINGS = [
  migrateSettings,
  processorSettings,
  watcherSettings,
  triggersSettings,
  statusSettings,
  deadLettersSettings,
  explainSettings,
  backtestSettings,
  simulateSettings,
];

/** The rows that begin with the variable, as cells. */
function rowsOf(variable: string): string[][] {
  return TABLE_ROWS.map((row) => row.split('|').map((cell) => cell.trim())).filter(([, name = '']) =>
    name.split(', ').includes(`\`${variable}\``),
  );
}

describe('README.md', () => {
  const shapes = SETTINGS.flatMap((schema) => Object.entries(schema.shape));
  it.each([...new Map(shapes)])('lists %s once, with its default', (variable, type) => {
    const rows = rowsOf(variable);
    expect(rows).toHaveLength(1);
    const value = type.safeParse(undefined);
    const fixed = value.success && ['string', 'number'].includes(typeof value.data);
    const shown = rows[0]?.[2]?.replaceAll('`', '');
    if (fixed && variable !== 'PROCESSOR_PROCESS_COUNT') expect(type.safeParse(shown).data).toBe(value.data);
    if (!value.success) expect(rows[0]?.[2]).toBe('**required**');
  });

  it('says once which Node it needs, the one that package.json and the command line name', async () => {
    const { engines } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
    const main = await readFile(new URL('../../src/cli/main.ts', import.meta.url), 'utf8');
    const least = engines.node.replace('>=', '');
    expect(main).toContain(`needs Node ${least} or newer`);
    expect(README.match(/Node \d[\d.]* or newer/g)).toEqual([`Node ${least} or newer`]);
  });

  it('shows a trigger that works as it is shown', async () => {
    const [, source = ''] = /```ts\n(\/\/ triggers\.ts\n.*?)```/s.exec(README) ?? [];
    const folder = await mkdtemp(join(tmpdir(), 'bec-alerts-readme-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'triggers.ts');
    await writeFile(file, source);
    const { default: triggers } = (await import(pathToFileURL(file).href)) as { default: Trigger[] };
    const [trigger] = triggers;
    if (trigger === undefined) throw new Error('it exports no trigger');
    expect(trigger.emails).toContain('oncall@example.com');
    const recipients = [{ id: '1', email: 'oncall@example.com' }];
    const evaluate = async (users: number, unnotified: typeof recipients) =>
      await trigger.evaluate({} as Issue, contextOf(users, unnotified));
    expect(await evaluate(49, recipients)).toEqual({ notify: false });
    expect(await evaluate(50, recipients)).toEqual({
      notify: true,
      because: '50 people were hit today',
      recipients,
    });
    expect(await evaluate(50, [])).toMatchObject({ notify: false });
  });
});

function contextOf(users: number, unnotified: TriggerContext['recipients']): TriggerContext {
  return {
    now: new Date(),
    recipients: unnotified,
    counts: async () => ({ events: 2 * users, users }),
    series: async () => [],
    tags: async () => [],
    top: async () => [],
    lastNotified: async () => null,
    lastAlert: async () => null,
    // Another trigger may have notified anybody.
    neverNotified: async (_, by) => (by === 'thisTrigger' ? unnotified : []),
  };
}
