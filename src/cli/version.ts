import { existsSync, readFileSync } from 'node:fs';

/** The folder of package.json and version.json: two folders up, both in the source tree and in `dist`. */
const ROOT = new URL('../../', import.meta.url);

export function packageVersion(): string {
  const file = new URL('package.json', ROOT);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** For `/__version__`: the `version.json` that an image is built with, or else only the package's version. */
export function versionInfo(): Readonly<Record<string, unknown>> {
  const file = new URL('version.json', ROOT);
  if (!existsSync(file)) return { version: packageVersion() };
  const info: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (typeof info !== 'object' || info === null)
    throw new Error(`${file.pathname} must contain a JSON object`);
  return { ...info };
}
