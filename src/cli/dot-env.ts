import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { ConfigError } from '../config/env.ts';
import { asError } from '../runtime/errors.ts';

/**
 * Adds the variables of a `.env` file in the working directory to the environment, where libraries such as the AWS SDK
 * find them too. A variable that the environment has already keeps its value, even an empty one.
 * @throws ConfigError if the file exists but can't be read
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
