import { existsSync, readFileSync } from 'node:fs';

/** package.json and version.json lie two folders up, in the source tree as in `dist`. */
const ROOT = new URL('../../', import.meta.url);

export function packageVersion(): string {
  const file = new URL('package.json', ROOT);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** What `/__version__` shows: the `version.json` that an image is built with, else the package's version alone. */
export function versionInfo(): Readonly<Record<string, unknown>> {
  const file = new URL('version.json', ROOT);
  if (!existsSync(file)) return { version: packageVersion() };
  const info: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (typeof info !== 'object' || info === null) throw new Error(`${file.pathname} must hold a JSON object`);
  return { ...info };
}
