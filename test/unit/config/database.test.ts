import { describe, expect, it } from 'vitest';
import { rdsRegion } from '../../../src/config/database.ts';
import { ConfigError, migrateSettings, readSettings, watcherSettings } from '../../../src/config/env.ts';

const HOST = 'db.abc.us-west-2.rds.amazonaws.com';
const read = (DATABASE_URL: string, more: Record<string, string> = {}) =>
  readSettings(migrateSettings, { DATABASE_URL, DATABASE_AUTH: 'rds-iam', ...more });

function mistakes(url: string): string[] {
  try {
    read(url);
  } catch (error) {
    if (error instanceof ConfigError)
      return error.mistakes.map(({ variable, problem }) => `${variable} ${problem}`);
    throw error;
  }
  return [];
}

describe('DATABASE_AUTH=rds-iam', () => {
  it.each([
    [HOST, 'us-west-2'],
    [HOST.toUpperCase(), 'us-west-2'],
    ['x.cluster-ro-abc.us-gov-east-1.rds.amazonaws.com', 'us-gov-east-1'],
    ['p.proxy-abc.eu-west-1.rds.amazonaws.com', 'eu-west-1'],
    ['db.abc.cn-north-1.rds.amazonaws.com.cn', 'cn-north-1'],
  ])('takes the region from the host %s', (host, region) => {
    const settings = read(`postgres://u@${host}/x?sslmode=verify-full`, { AWS_DEFAULT_REGION: 'eu-west-3' });
    expect(rdsRegion(settings)).toBe(region);
  });

  it('uses AWS_DEFAULT_REGION for any other host, and requires it', () => {
    const url = 'postgres://u@db.example.com/x?sslmode=verify-full';
    expect(rdsRegion(read(url, { AWS_DEFAULT_REGION: 'eu-west-3' }))).toBe('eu-west-3');
    expect(mistakes(url)).toEqual([
      'AWS_DEFAULT_REGION is required with DATABASE_AUTH=rds-iam, because the host of DATABASE_URL names no region',
    ]);
  });

  it.each([
    [`postgres://u:p@${HOST}/x?sslmode=verify-full`, /^DATABASE_URL must have no password/],
    [`postgres://u@${HOST}/x?sslmode=verify-full&password=p`, /^DATABASE_URL must have no password/],
    [`postgres://${HOST}/x?sslmode=verify-full`, /^DATABASE_URL must name a user/],
    [`postgres://u@${HOST}/x`, /^DATABASE_URL must have sslmode=verify-full/],
    [`postgres://u@${HOST}/x?sslmode=no-verify`, /^DATABASE_URL must have sslmode=verify-full/],
    [
      `postgres://u@${HOST}/x?sslmode=verify-full&sslmode=disable`,
      /^DATABASE_URL must have sslmode=verify-full/,
    ],
  ])('refuses %s', (url, expected) => {
    expect(mistakes(url)).toEqual([expect.stringMatching(expected)]);
  });

  it('is reported with every other mistake', () => {
    const wrong = { DATABASE_URL: 'postgres://db/x', DATABASE_AUTH: 'rds-iam', LOG_LEVEL: 'loud' };
    expect(() => readSettings(watcherSettings, wrong)).toThrow(
      /LOG_LEVEL.*AWS_DEFAULT_REGION.*name a user.*sslmode/s,
    );
  });

  it('is off by default', () => {
    expect(rdsRegion(readSettings(migrateSettings, { DATABASE_URL: `postgres://u:p@${HOST}/x` }))).toBe(null);
  });
});
