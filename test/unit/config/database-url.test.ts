import { describe, expect, it } from 'vitest';
import { databaseUrl } from '../../../src/config/database-url.ts';

const problemOf = (value: string) =>
  databaseUrl()
    .safeParse(value)
    .error?.issues.map(({ message }) => message);

describe('DATABASE_URL', () => {
  it.each([
    'postgres://u:p@db/bec',
    'postgresql://u@db:5432/bec?sslmode=require',
    'postgres://db/bec?user=ann@server&sslrootcert=/etc/ca.pem',
    'postgres:///bec?host=/var/run/postgresql',
    'postgres://u:12%23b%2F%3F%40%25@db/bec',
    'postgres://u:p@ss@db/bec',
  ])('may be %s', (value) => {
    expect(problemOf(value)).toBeUndefined();
  });

  it.each(['12#b', '12/b', '12?b', '12?b=c', '12%b', 'x#b', 'x/b', 'x?b', '#', '/', '?'])(
    'says to percent-encode the password %s',
    (password) => {
      const problems = problemOf(`postgres://postgres:${password}@db/bec`);
      expect(problems).toEqual([
        expect.stringContaining('percent-encode special characters of the password'),
      ]);
    },
  );

  it('does not show the password that it refuses', () => {
    expect(problemOf('postgres://postgres:12#secret@db/bec')?.join()).not.toContain('secret');
  });
});
