import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { ConfigError } from '../config/env.ts';
import type { ConfigMistake } from '../config/variables.ts';
import { asError } from '../runtime/errors.ts';

/** Node reads these before it runs any code, so they would have no effect, or an effect only in the workers. */
const READ_BY_NODE: ReadonlySet<string> = new Set([
  'NODE_EXTRA_CA_CERTS',
  'NODE_OPTIONS',
  'NODE_USE_ENV_PROXY',
  'NODE_USE_SYSTEM_CA',
]);

export interface DotEnv {
  /** Null if there is no such file. */
  readonly path: string | null;
  /** The variables that it set. */
  readonly set: ReadonlySet<string>;
  /** The variables with another value in the environment, which counts. */
  readonly overridden: readonly string[];
  /** The variables that a `.env` can't set. */
  readonly mistakes: readonly ConfigMistake[];
}

/**
 * Adds the variables of a `.env` file in the working directory to the environment, where libraries such as the AWS SDK
 * find them too. A variable that the environment has already keeps its value, even an empty one.
 * @throws ConfigError if the file exists but can't be read
 */
export function readDotEnv(env: NodeJS.ProcessEnv): DotEnv {
  const path = resolve('.env');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (thrown) {
    const error = asError(thrown);
    if ('code' in error && error.code === 'ENOENT')
      return { path: null, set: new Set(), overridden: [], mistakes: [] };
    throw new ConfigError([
      { variable: `.env in ${resolve('.')}`, problem: `can't be read: ${error.message}` },
    ]);
  }
  const mistakes: ConfigMistake[] = [];
  const set = new Set<string>();
  const overridden: string[] = [];
  for (const [name, value = ''] of Object.entries(parseEnv(text))) {
    if (env[name] === undefined && value.trim() !== '' && READ_BY_NODE.has(name)) {
      const problem = 'has no effect in a .env, because Node reads it earlier: set it in the environment';
      mistakes.push({ variable: name, problem });
    }
    if (env[name] === undefined) {
      env[name] = value;
      set.add(name);
    } else if (env[name] !== value) overridden.push(name);
  }
  return { path, set, overridden, mistakes };
}
