import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { getSystemErrorMessage } from 'node:util';
import { text } from './values.ts';
import type { ConfigMistake, Variables } from './variables.ts';

// Orchestrators mount secrets as files. A variable such as DATABASE_URL_FILE names the file that has the value of
// DATABASE_URL. No message shows the content of a file.

const SUFFIX = '_FILE';
/** Far more than a URL needs. It bounds the reading of a log or a device that somebody names by mistake. */
const MOST_BYTES = 16_384;

/** The variable that names the file with the value of this variable. */
export function fileVariable(variable: string): string {
  return `${variable}${SUFFIX}`;
}

/** The schema of such a variable. */
export const secretFile = text().optional();

export interface SecretFiles {
  /** The values of the files, by the variable that they set. */
  readonly values: Variables;
  readonly mistakes: readonly ConfigMistake[];
  /** Words mistakes in these values for a person who set only the variable of the file. */
  explain(mistakes: readonly ConfigMistake[]): readonly ConfigMistake[];
}

/** Reads each file that a variable names. @param set the variables that are set */
export function readSecretFiles(set: Variables): SecretFiles {
  const values: Record<string, string> = {};
  const mistakes: ConfigMistake[] = [];
  for (const [variable, path = ''] of Object.entries(set)) {
    if (!variable.endsWith(SUFFIX)) continue;
    const target = variable.slice(0, -SUFFIX.length);
    const read = set[target] === undefined ? readValue(path.trim()) : { problem: bothSet(target) };
    if ('problem' in read) mistakes.push({ variable, problem: read.problem });
    else values[target] = read.value;
  }
  const wrong = new Set(mistakes.map(({ variable }) => variable));
  return {
    values,
    mistakes,
    explain: (found) =>
      found
        // The file's own mistake says enough.
        .filter(({ variable }) => !wrong.has(fileVariable(variable)))
        .map(({ variable, problem }) =>
          variable in values
            ? { variable: fileVariable(variable), problem: `names a file whose content ${problem}` }
            : { variable, problem },
        ),
  };
}

function bothSet(target: string): string {
  return `excludes ${target}, but both are set: unset one of them`;
}

type Read = { readonly value: string } | { readonly problem: string };

function readValue(path: string): Read {
  // A message must not repeat it: it may have a password.
  if (path.includes('://')) return { problem: 'must be the path of a file, not the value itself' };
  let content: string | null;
  try {
    content = contentOf(path);
  } catch (thrown) {
    return { problem: `names a file that can't be read (${path}: ${reason(thrown)})` };
  }
  if (content === null) return { problem: `names a file that is larger than ${MOST_BYTES} bytes (${path})` };
  const value = content.replace(/\r?\n$/, '');
  if (value.trim() === '') return { problem: `names a file that is empty (${path})` };
  if (/[\r\n]/.test(value)) return { problem: `names a file that has more than one line (${path})` };
  return { value };
}

/** Null if the file is too large. */
function contentOf(path: string): string | null {
  const file = openSync(path, 'r');
  try {
    if (fstatSync(file).isDirectory()) throw new Error('it is a folder');
    const buffer = Buffer.alloc(MOST_BYTES + 1);
    let length = 0;
    // A pipe gives its content in pieces.
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = readSync(file, buffer, length, buffer.length - length, null);
    }
    return length > MOST_BYTES ? null : buffer.toString('utf8', 0, length);
  } finally {
    closeSync(file);
  }
}

function reason(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return 'errno' in thrown && typeof thrown.errno === 'number'
    ? getSystemErrorMessage(thrown.errno)
    : thrown.message;
}
