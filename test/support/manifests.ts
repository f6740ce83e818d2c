import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { run } from '../../dev/output.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

// biome-ignore lint/suspicious/noExplicitAny: a manifest is checked against types by `typeErrors`, and read as it is
export type Manifest = any;

/** The documents of a YAML file. @param path from the root of the repository */
export function yamlOf(path: string): Manifest[] {
  return parseAllDocuments(readFileSync(join(ROOT, path), 'utf8')).map((document) => {
    if (document.errors[0] !== undefined) throw document.errors[0];
    return document.toJS();
  });
}

/**
 * The resources of a kustomization, as kustomize would build them: those of its files and folders, patched. Of
 * kustomize's features, it knows those that `deploy/` uses.
 */
export function built(folder: string): { resources: Manifest[]; files: string[] } {
  const file = join(folder, 'kustomization.yaml');
  const [kustomization] = yamlOf(file);
  const { apiVersion: _, kind: __, namespace: ___, images: ____, ...used } = kustomization;
  const { resources = [], components = [], patches = [], configMapGenerator = [], ...unknown } = used;
  if (Object.keys(unknown).length > 0) throw new Error(`${file} uses ${Object.keys(unknown)}`);
  const files = [file];
  const found: Manifest[] = [];
  for (const entry of [...resources, ...components]) {
    const path = join(folder, entry);
    if (entry.endsWith('.yaml')) found.push(...yamlOf(path));
    else {
      const below = built(path);
      found.push(...below.resources);
      files.push(...below.files);
    }
    if (entry.endsWith('.yaml')) files.push(path);
  }
  for (const { name, files: contents } of configMapGenerator) {
    const data = contents.map((path: string) => [path, readFileSync(join(ROOT, folder, path), 'utf8')]);
    found.push({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: Object.fromEntries(data) });
    files.push(...contents.map((path: string) => join(folder, path)));
  }
  for (const { path } of patches) {
    files.push(join(folder, path));
    for (const patch of yamlOf(join(folder, path))) {
      const index = found.findIndex((one) => idOf(one) === idOf(patch));
      if (index < 0) throw new Error(`${path} patches ${idOf(patch)}, which is missing`);
      found[index] = merged(found[index], patch);
    }
  }
  return { resources: found, files };
}

export function idOf({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.name}`;
}

/** A strategic merge: lists of named things are merged by their names. */
function merged(value: Manifest, patch: Manifest): Manifest {
  if (Array.isArray(value) && Array.isArray(patch)) {
    const rest = patch.filter(({ name }) => !value.some((one) => one.name === name));
    return [
      ...value.map((one) => {
        const change = patch.find(({ name }) => name === one.name);
        return change === undefined ? one : merged(one, change);
      }),
      ...rest,
    ];
  }
  if (typeof patch !== 'object' || patch === null || typeof value !== 'object') return patch;
  const entries = Object.entries(patch).map(([name, change]) => [
    name,
    name in value ? merged(value[name], change) : change,
  ]);
  return { ...value, ...Object.fromEntries(entries) };
}

export interface Typed {
  /** The module and the name of the type. */
  readonly module: string;
  readonly type: string;
  readonly value: unknown;
}

/** The compiler's complaints about values that don't fit their types, unknown members included; empty if all fit. */
export async function typeErrors(values: readonly Typed[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'bec-alerts-types-'));
  try {
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    const lines = values.map(
      ({ module, type, value }, index) =>
        `export const value${index}: import('${module}').${type} = ${JSON.stringify(value, null, 2)};`,
    );
    writeFileSync(join(folder, 'values.ts'), lines.join('\n'));
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--types', 'node'];
    const { ok, text } = await run(join(ROOT, 'node_modules/.bin/tsc'), [...options, 'values.ts'], {
      cwd: folder,
    });
    return ok ? '' : text || 'the compiler failed';
  } finally {
    rmSync(folder, { recursive: true });
  }
}
