import type { ClientConfig } from 'pg';
import { requestHandler } from '../runtime/aws.ts';
import { asError, CodedError, messageOf } from '../runtime/errors.ts';
import type { Proxies } from '../runtime/proxy.ts';

export interface RdsOptions {
  readonly region: string;
  /** For the credentials that STS gives. */
  readonly proxies: Proxies;
}

/** The server and the role that a token is for. */
export interface RdsLogin {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly ssl: ClientConfig['ssl'];
}

/** Shorter than the time that a connection may take, so that the error names the step that was slow. */
const CREDENTIALS_SECONDS = 4;
const TOKEN_MILLISECONDS = 8_000;

/**
 * Makes the tokens with which RDS lets a role log in. A token is a signed URL, made without a request. RDS accepts it for
 * 15 minutes, so each connection gets a new one. An open connection outlives its token.
 * @returns a function that makes a token; it throws CodedError
 */
export function rdsTokens({ region, proxies }: RdsOptions): (login: RdsLogin) => Promise<string> {
  let credentials: ReturnType<typeof credentialsOf> | undefined;
  const make = async ({ host, port, user }: RdsLogin): Promise<string> => {
    // Loaded here, because most databases need no token.
    const { Signer } = await import('@aws-sdk/rds-signer');
    credentials ??= credentialsOf(region, proxies);
    const options = { region, port, username: user, credentials: await credentials };
    // RDS signs with its name in small letters.
    return await new Signer({ ...options, hostname: host.toLowerCase() }).getAuthToken();
  };
  return async (login) => {
    const { host, port, user, ssl } = login;
    try {
      if (!isVerified(ssl))
        throw new Error('the connection has no TLS that checks the server: set sslmode=verify-full');
      return await within(TOKEN_MILLISECONDS, make(login));
    } catch (thrown) {
      throw new CodedError(
        'database_unavailable',
        `making a token of RDS for ${user} at ${host}:${port} failed (${messageOf(thrown)}); check the AWS credentials`,
        { retryable: true, cause: asError(thrown) },
      );
    }
  };
}

function isVerified(ssl: RdsLogin['ssl']): boolean {
  return ssl === true || (typeof ssl === 'object' && ssl.rejectUnauthorized !== false);
}

/** Credentials from the places where the SDK's clients look for them. They are kept until shortly before they expire. */
async function credentialsOf(region: string, proxies: Proxies) {
  const { fromNodeProviderChain } = await import('@aws-sdk/credential-providers');
  const timeouts = { connectTimeoutSeconds: CREDENTIALS_SECONDS, readTimeoutSeconds: CREDENTIALS_SECONDS };
  return fromNodeProviderChain({
    clientConfig: { region, requestHandler: requestHandler({ ...timeouts, proxies }) },
  });
}

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no credentials within ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
