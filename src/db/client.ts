import pg from 'pg';
import type { RdsOptions } from './rds-token.ts';
import { rdsTokens } from './rds-token.ts';

/** How Postgres is reached. */
export interface DatabaseConnection {
  readonly connectionString: string;
  /** Set if the role logs in with tokens of RDS, and not with a password in the URL. */
  readonly rds?: RdsOptions | undefined;
}

/** The class of the connections: that of pg, or one whose password is a new token of RDS for each connection. */
export function clientClass({ rds }: DatabaseConnection): typeof pg.Client {
  if (rds === undefined) return pg.Client;
  const token = rdsTokens(rds);
  return class extends pg.Client {
    constructor(config: pg.ClientConfig) {
      super(config);
      const { host, port, user = '', ssl } = this;
      // pg calls the function when the server asks for the password. It is set only now, because pg would prefer the
      // password in the connection string, even an empty one.
      Object.assign(this, { password: () => token({ host, port, user, ssl }) });
    }
  };
}
