import { readFileSync } from 'node:fs';

/** The package's version; package.json lies two folders up, in the source tree as in `dist`. */
export function packageVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
