import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { ConfigError } from '../config/env.ts';
import { asError } from '../runtime/errors.ts';

/**
 * Adds what a `.env` in the working directory says to the environment, where libraries such as the AWS SDK look too.
 * What is set there already stays, be it set to nothing.
 * @throws ConfigError where there is one and it can't be read
 */
export function readDotEnv(env: NodeJS.ProcessEnv): void {
  let text: string;
  try {
    text = readFileSync('.env', 'utf8');
  } catch (thrown) {
    const error = asError(thrown);
    if ('code' in error && error.code === 'ENOENT') return;
    throw new ConfigError([
      { variable: `.env in ${resolve('.')}`, problem: `can't be read: ${error.message}` },
    ]);
  }
  for (const [name, value] of Object.entries(parseEnv(text))) env[name] ??= value;
}
