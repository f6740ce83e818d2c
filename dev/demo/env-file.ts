import { readFile, rm, writeFile } from 'node:fs/promises';

const MARK = '# Written by `npm run dev`, which overwrites it at its start and removes it at its end.';

/** `NAME=value` lines as a shell and Node's `.env` loader both read them. */
export function assignments(variables: Readonly<Record<string, string>>): string[] {
  return Object.entries(variables).map(([name, value]) => `${name}=${quoted(value)}`);
}

function quoted(value: string): string {
  return /^[\w@%+:,./-]*$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}

/**
 * Writes the variables for commands in other terminals. A file that isn't our own is left as it is.
 * @returns how to remove it, or null where someone else's file is in the way
 */
export async function writeEnvFile(
  file: URL,
  variables: Readonly<Record<string, string>>,
): Promise<(() => Promise<void>) | null> {
  const present = await textOf(file);
  if (present !== null && !present.startsWith(MARK)) return null;
  const text = `${[MARK, ...assignments(variables)].join('\n')}\n`;
  // It holds the database's password.
  await writeFile(file, text, { mode: 0o600 });
  return async () => {
    // Another `npm run dev` may have written its own since.
    if ((await textOf(file)) === text) await rm(file, { force: true });
  };
}

async function textOf(file: URL): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
