import { databaseUrl } from './database-url.ts';
import { proxyVariables } from './proxy.ts';
import { secretFile } from './secret-files.ts';
import { checkTogether, choice, text } from './values.ts';

// How Postgres is reached, and how a role logs in: with the password in the URL, or with a token of RDS.

/** Variables of every command that uses the database. The AWS variables are for tokens of RDS. */
export const databaseVariables = {
  DATABASE_URL: databaseUrl(),
  DATABASE_URL_FILE: secretFile,
  DATABASE_AUTH: choice(['password', 'rds-iam'], (value) => value.toLowerCase()).default('password'),
  AWS_DEFAULT_REGION: text().optional(),
  ...proxyVariables,
};

interface DatabaseSettings {
  readonly DATABASE_URL: string;
  readonly DATABASE_AUTH: 'password' | 'rds-iam';
  readonly AWS_DEFAULT_REGION?: string | undefined;
}

/** Reports what `rds-iam` needs of the URL. */
export const databaseCheck = checkTogether<DatabaseSettings>((settings, report) => {
  if (settings.DATABASE_AUTH !== 'rds-iam' || !URL.canParse(settings.DATABASE_URL)) return;
  const { user, password, tls, host } = partsOf(settings.DATABASE_URL);
  const name = 'with DATABASE_AUTH=rds-iam';
  if (user === '')
    report('DATABASE_URL', `must name a user ${name}, such as postgres://USER@HOST:5432/DATABASE`);
  if (password !== '') report('DATABASE_URL', `must have no password ${name}: a token is the password`);
  // A token is as good as a password for 15 minutes, so it must reach nobody else.
  if (tls !== 'verify-full') report('DATABASE_URL', `must have sslmode=verify-full ${name}`);
  if (regionOf(host) === null && settings.AWS_DEFAULT_REGION === undefined)
    report('AWS_DEFAULT_REGION', `is required ${name}, because the host of DATABASE_URL names no region`);
});

/** The region whose tokens the database accepts; null if the URL has the password. */
export function rdsRegion(settings: DatabaseSettings): string | null {
  if (settings.DATABASE_AUTH !== 'rds-iam') return null;
  return regionOf(partsOf(settings.DATABASE_URL).host) ?? settings.AWS_DEFAULT_REGION ?? null;
}

/** As pg reads them: a parameter overrides the URL's own part, and the last of several counts. */
function partsOf(url: string) {
  const { username, password, hostname, searchParams } = new URL(url);
  const last = (name: string) => searchParams.getAll(name).at(-1) ?? '';
  return {
    user: last('user') || username,
    password: last('password') || password,
    host: last('host') || hostname,
    tls: last('sslmode'),
  };
}

/** `db.abc.us-west-2.rds.amazonaws.com`, also of a cluster, of RDS Proxy, and in China. */
function regionOf(host: string): string | null {
  return /\.([a-z]+(?:-[a-z]+)+-\d+)\.rds\.amazonaws\.com(?:\.cn)?$/i.exec(host)?.[1]?.toLowerCase() ?? null;
}
