import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { processorSettings, watcherSettings } from '../../src/config/env.ts';

/** The variables that the README of the Python service lists, with their defaults. */
const THEN: readonly (readonly [variable: string, byDefault: string])[] = [
  ['AWS_DEFAULT_REGION', 'required'],
  ['DATABASE_URL', 'required'],
  ['DJANGO_SECRET_KEY', 'required'],
  ['SENTRY_DSN', 'required'],
  ['AWS_CONNECT_TIMEOUT', '`30`'],
  ['AWS_READ_TIMEOUT', '`30`'],
  ['LOG_FORMAT', '`mozlog`'],
  ['LOG_LEVEL', '`INFO`'],
  ['PROCESSOR_SLEEP_DELAY', '`20`'],
  ['SQS_QUEUE_NAME', '`sentry_errors`'],
  ['SQS_ENDPOINT_URL', ''],
  ['PROCESSOR_PROCESS_COUNT', 'the number of CPUs'],
  ['PROCESSOR_WORKER_MESSAGE_COUNT', '`200`'],
  ['SES_FROM_EMAIL', '`notifications@sentry.prod.mozaws.net`'],
  ['DATADOG_API_KEY', 'required'],
  ['DATADOG_COUNTER_NAME', '`bec-alerts.watcher.health`'],
  ['SES_VERIFY_EMAIL', '`False`'],
  ['WATCHER_SLEEP_DELAY', '`300`'],
  ['SES_ENDPOINT_URL', ''],
];

const PAGE = readFileSync(new URL('../../docs/from-the-python-service.md', import.meta.url), 'utf8');
const [, STATEMENTS = ''] = /^## Its README, statement by statement$(.*?)^## /ms.exec(PAGE) ?? [];
/** The rows of all tables, without their heads and rulers. The last two cells are the kind and the remark. */
const ROWS = STATEMENTS.split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| ---') && !line.endsWith('| | now |'))
  .map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
const VARIABLES = ROWS.filter((cells) => cells.length === 4);

/** A default as the page writes it. */
function shownDefault(type: z.ZodType): string {
  const { success, data } = type.safeParse(undefined);
  if (!success) return 'required';
  if (data === undefined) return '';
  if (typeof data === 'boolean') return data ? '`True`' : '`False`';
  return `\`${typeof data === 'object' && data !== null && 'address' in data ? data.address : data}\``;
}

describe('docs/from-the-python-service.md', () => {
  it('says of each statement whether it is still true, and why not', () => {
    expect(ROWS.length).toBeGreaterThan(45);
    for (const cells of ROWS) {
      const [kind, remark] = cells.slice(-2);
      expect(['same', 'different', 'gone'], cells.join(' | ')).toContain(kind);
      if (kind !== 'same') expect(remark, cells.join(' | ')).not.toBe('');
    }
  });

  it('has every variable of the Python service once, with the default that it had', () => {
    expect(VARIABLES.map(([name, byDefault]) => [name, byDefault])).toEqual(
      THEN.map(([name, byDefault]) => [`\`${name}\``, byDefault]),
    );
  });

  const shape: Readonly<Record<string, z.ZodType>> = { ...processorSettings.shape, ...watcherSettings.shape };
  it.each(VARIABLES.filter(([, , kind]) => kind === 'same'))(
    '%s is still read, with the default %s',
    (name, then) => {
      const type = shape[name.replaceAll('`', '')];
      if (type === undefined) throw new Error('no setting has this name');
      expect(shownDefault(type)).toBe(then);
    },
  );

  it.each(VARIABLES.filter(([, , kind]) => kind === 'gone'))('%s is no longer needed', (name) => {
    const type = shape[name.replaceAll('`', '')];
    expect(type?.safeParse(undefined).success ?? true).toBe(true);
  });
});
