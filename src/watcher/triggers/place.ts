import { fileURLToPath, pathToFileURL } from 'node:url';

/** Of `src/`, or of `dist/`. */
const OURS = new URL('../../', import.meta.url).href;

/**
 * Where an error comes from: `file:line:column` in the file itself, or else in a file that it imports, or null where
 * the stack shows neither.
 * @param path of the file, absolute
 */
export function placeIn(error: Error, path: string): string | null {
  const stack = String(error.stack ?? '');
  // Frames of a module have its URL; errors of its syntax have its path as well.
  for (const form of [path, pathToFileURL(path).href]) {
    const at = stack.indexOf(form);
    const place = at === -1 ? null : /^:\d+(:\d+)?/.exec(stack.slice(at + form.length));
    if (place !== null) return `${path}${place[0]}`;
  }
  for (const [, url = '', place = ''] of stack.matchAll(/(file:\/\/[^\s()]+?)(:\d+:\d+)/g)) {
    if (!url.startsWith(OURS) && !url.includes('/node_modules/')) return `${fileURLToPath(url)}${place}`;
  }
  return null;
}
