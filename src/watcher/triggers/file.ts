import { existsSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { asError } from '../../runtime/errors.ts';
import { placeIn } from './place.ts';

/** All mistakes of one trigger file. */
export class TriggerFileError extends Error {
  readonly mistakes: readonly string[];

  constructor(file: string, mistakes: readonly string[]) {
    super(`wrong triggers in ${file}\n${mistakes.map((mistake) => `  ${mistake}`).join('\n')}`);
    this.name = 'TriggerFileError';
    this.mistakes = mistakes;
  }
}

/**
 * Loads a trigger file: a module whose default export is an array of triggers. Node strips TypeScript's types itself.
 * @throws TriggerFileError naming the file, and what to do
 */
export async function importTriggers(file: string): Promise<readonly unknown[]> {
  const path = resolve(file);
  if (!existsSync(path)) throw new TriggerFileError(file, [`there is no such file (${path})`]);
  let module: { default?: unknown };
  const hooks = ourselvesForBecAlerts();
  try {
    module = (await import(pathToFileURL(path).href)) as { default?: unknown };
  } catch (thrown) {
    throw new TriggerFileError(file, [`it can't be loaded: ${reason(asError(thrown), path)}`]);
  } finally {
    hooks.deregister();
  }
  if (!Array.isArray(module.default)) {
    throw new TriggerFileError(file, [
      `the default export must be an array of triggers, such as \`export default [trigger]\`; ${'default' in module ? 'it is something else' : 'it is missing'}`,
    ]);
  }
  return module.default;
}

/** `import { defineTrigger } from 'bec-alerts'` gets this package, so nothing must be installed next to the file. */
function ourselvesForBecAlerts(): { deregister(): void } {
  const url = new URL(`../../index${extname(import.meta.url)}`, import.meta.url).href;
  return registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'bec-alerts' ? { url, shortCircuit: true } : next(specifier, context),
  });
}

function reason(error: Error, path: string): string {
  const code = 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING':
      return 'Node runs no TypeScript under node_modules: move the file out of there, or compile it to JavaScript';
    case 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX':
      return `${error.message}: Node only strips types, so write it without enum, namespace or parameter properties${where(error, path)}`;
    case 'ERR_MODULE_NOT_FOUND':
      return `${error.message}: install it next to the file, or import only types from it, with \`import type\``;
    case 'ERR_UNKNOWN_FILE_EXTENSION':
      return 'it must be a .ts, .mts, .js or .mjs file';
  }
  // A type that is imported without `type` is looked for at run time, when types no longer exist.
  const hint = error instanceof SyntaxError ? ' (types are imported with `import type`)' : '';
  const missing = /does not provide an export named/.test(error.message) ? hint : '';
  return `${error.name}: ${error.message}${missing}${where(error, path)}`;
}

/** ` (file:line:column)` where the stack has it. */
function where(error: Error, path: string): string {
  const place = placeIn(error, path);
  return place === null ? '' : ` (${place})`;
}
