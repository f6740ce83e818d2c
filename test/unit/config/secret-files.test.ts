import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { configuredServer } from '../../../dev/postgres/configured.ts';
import * as env from '../../../src/config/env.ts';
import * as silences from '../../../src/config/silences.ts';

const { ConfigError, migrateSettings, processorSettings, readSettings, simulateSettings } = env;
const URL_WITH_SECRET = 'postgres://u:s3cret@db/bec';
const DSN = 'https://s3cret@sentry.example.com/2';
const SECRETS = ['DATABASE_URL', 'SENTRY_DSN', 'SIMULATE_SENTRY_DSN'];

function fileOf(content: string | Buffer): string {
  const folder = mkdtempSync(join(tmpdir(), 'bec-alerts-secret-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'secret');
  writeFileSync(path, content);
  return path;
}

function mistakes(read: () => unknown): string[] {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigError)
      return error.mistakes.map(({ variable, problem }) => `${variable} ${problem}`);
    throw error;
  }
  return [];
}

describe('the file with the value of a variable', () => {
  it.each([URL_WITH_SECRET, `${URL_WITH_SECRET}\n`, `${URL_WITH_SECRET}\r\n`])('is read: %j', (content) => {
    const settings = readSettings(migrateSettings, { DATABASE_URL_FILE: fileOf(content) });
    expect(settings.DATABASE_URL).toBe(URL_WITH_SECRET);
  });

  it('is read if the variable is set to nothing', () => {
    const variables = { SIMULATE_SENTRY_DSN: ' ', SIMULATE_SENTRY_DSN_FILE: fileOf(DSN) };
    expect(readSettings(simulateSettings, variables).SIMULATE_SENTRY_DSN).toBe(DSN);
  });

  it('can name the server for the demo', () => {
    expect(configuredServer({ DATABASE_URL_FILE: fileOf(URL_WITH_SECRET) })).toBe(URL_WITH_SECRET);
    expect(configuredServer({ DATABASE_URL: '' })).toBeUndefined();
  });

  it('can have any variable of a secret, in each command that reads it', () => {
    const shapes = Object.entries({ ...env, ...silences }).flatMap(([, schema]) =>
      typeof schema === 'object' && 'shape' in schema ? [Object.keys(schema.shape)] : [],
    );
    expect(shapes.length).toBeGreaterThan(9);
    for (const names of shapes) {
      for (const secret of SECRETS)
        expect(names.includes(`${secret}_FILE`), `${secret} in ${names}`).toBe(names.includes(secret));
    }
  });
});

describe('a mistake in such a file', () => {
  const unusable: [string, () => string, RegExp][] = [
    ['is missing', () => `${fileOf('')}-not`, /names a file that can't be read \(.+: no such file or dir/],
    ['is a folder', () => tmpdir(), /names a file that can't be read \(.+: it is a folder\)/],
    ['is empty', () => fileOf(''), /names a file that is empty \(/],
    ['is blank', () => fileOf(' \n'), /names a file that is empty \(/],
    ['has a second line', () => fileOf(`${URL_WITH_SECRET}\nx`), /names a file that has more than one line/],
    ['is huge', () => fileOf(Buffer.alloc(20_000, 's3cret')), /names a file that is larger than 16384 bytes/],
    ['never ends', () => '/dev/zero', /names a file that is larger than 16384 bytes/],
    ['has no URL', () => fileOf('s3cret'), /names a file whose content must be a URL such as/],
    ['is the value itself', () => URL_WITH_SECRET, /must be the path of a file, not the value itself/],
  ];

  it.each(unusable)('is named alone, without its content: it %s', (_, path, expected) => {
    const found = mistakes(() => readSettings(migrateSettings, { DATABASE_URL_FILE: path() }));
    expect(found).toEqual([expect.stringMatching(expected)]);
    expect(found[0]).toMatch(/^DATABASE_URL_FILE /);
    expect(found[0]).not.toContain('s3cret');
  });

  it('is reported with all others: of two files, of a variable set twice, and of another variable', () => {
    const wrong = {
      DATABASE_URL: URL_WITH_SECRET,
      DATABASE_URL_FILE: fileOf(URL_WITH_SECRET),
      SENTRY_DSN_FILE: '/missing',
      LOG_LEVEL: 'loud',
    };
    expect(mistakes(() => readSettings(processorSettings, wrong)).sort()).toEqual([
      'AWS_DEFAULT_REGION is required but not set',
      'DATABASE_URL_FILE excludes DATABASE_URL, but both are set: unset one of them',
      expect.stringMatching(/^LOG_LEVEL must be one of /),
      "SENTRY_DSN_FILE names a file that can't be read (/missing: no such file or directory)",
    ]);
  });
});
