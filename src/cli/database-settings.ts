import { rdsRegion } from '../config/database.ts';
import type { ProxySettings } from '../config/proxy.ts';
import { proxiesOf } from '../config/proxy.ts';
import type { DatabaseConnection } from '../db/client.ts';

interface DatabaseSettings extends ProxySettings {
  readonly DATABASE_URL: string;
  readonly DATABASE_AUTH: 'password' | 'rds-iam';
  readonly AWS_DEFAULT_REGION?: string | undefined;
}

/** Turns a command's settings into those of its connections to Postgres. */
export function databaseConnection(settings: DatabaseSettings): DatabaseConnection {
  const region = rdsRegion(settings);
  return {
    connectionString: settings.DATABASE_URL,
    rds: region === null ? undefined : { region, proxies: proxiesOf(settings) },
  };
}
