import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SOURCE = fileURLToPath(new URL('../src', import.meta.url));

/**
 * Rooms in layers: a room imports only rooms of earlier layers, never a sibling. A folder that isn't named belongs to the
 * room around it: `queue/dead-letters` to `queue`.
 */
const LAYERS: readonly (readonly string[])[] = [
  ['domain'],
  ['config', 'runtime'],
  ['queue', 'db', 'mail', 'triggers'],
  // The protocol of the processor's two processes; the triggers that users write.
  ['processor', 'watcher/triggers'],
  // The part of the watcher that runs the code of triggers.
  ['watcher/evaluator'],
  [
    'processor/supervisor',
    'processor/worker',
    'watcher/run',
    'watcher/delivery',
    'watcher/bounces',
    'watcher/canary',
  ],
  ['watcher'],
  ['cli'],
];
/** The two daemons share a library, and know nothing of each other. */
const DAEMONS = ['processor', 'watcher'];
/** Users write triggers, so triggers see only the domain. */
const NARROWER: Readonly<Record<string, readonly string[]>> = { triggers: ['domain'] };
/** The one adapter of each foreign service. */
const ADAPTERS: Readonly<Record<string, RegExp>> = {
  '@aws-sdk/client-sqs': /^queue\//,
  '@aws-sdk/client-s3': /^queue\//,
  '@aws-sdk/client-ses': /^mail\/ses\.ts$/,
  '@sentry/node': /^runtime\//,
  'nodemailer/lib/mail-composer': /^mail\/raw-email\.ts$/,
  'hot-shots': /^runtime\/metrics\.ts$/,
  'prom-client': /^runtime\/prometheus\.ts$/,
  pino: /^runtime\/logger\.ts$/,
  commander: /^cli\//,
  'node-pg-migrate': /^db\/migrate\.ts$/,
  '@aws-sdk/rds-signer': /^db\/rds-token\.ts$/,
};

/** Each takes 10 to 80 ms of CPU to load. Of Node's own modules, node:http also loads a client for WebSocket. */
const SLOW =
  /^(@aws-sdk\/|@sentry\/node|pg$|eta$|hot-shots|prom-client$|node-pg-migrate|nodemailer\/lib\/mail-composer|node:https?$)/;

interface SourceFile {
  /** From src on. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
  /** Those that are loaded together with the file: neither types nor `await import(…)`. */
  readonly loaded: readonly string[];
}

const files: readonly SourceFile[] = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => {
    const text = readFileSync(join(SOURCE, path), 'utf8');
    const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(
      (match) => match[1] ?? '',
    );
    const loaded = [...text.matchAll(/^(?:import(?! type)|export)\b[^;]*?from '([^']+)'/gm)].map(
      (match) => match[1] ?? '',
    );
    return { path, text, imports: specifiers, loaded };
  });

function own({ path, imports }: Pick<SourceFile, 'path' | 'imports'>): string[] {
  return imports
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => relative(SOURCE, resolve(SOURCE, dirname(path), specifier)));
}

const ROOMS = LAYERS.flat();
const layerOf = (room: string) => LAYERS.findIndex((layer) => layer.includes(room));
const folderOf = (path: string) => path.split('/')[0] ?? '';
/** The innermost room around a file. */
const roomOf = (path: string) => {
  const around = ROOMS.filter((room) => path.startsWith(`${room}/`));
  return around.sort((one, other) => other.length - one.length)[0] ?? '';
};

/** Follows what is loaded together with a file. @returns each file, with the way to it and what it loads; that file first */
function loadedWith(
  start: string,
): { readonly way: readonly string[]; readonly loaded: readonly string[] }[] {
  const found = new Map<string, { way: readonly string[]; loaded: readonly string[] }>();
  const visit = (path: string, before: readonly string[]): void => {
    if (found.has(path)) return;
    const loaded = files.find((file) => file.path === path)?.loaded ?? [];
    const way = [...before, path];
    found.set(path, { way, loaded });
    for (const target of own({ path, imports: loaded })) visit(target, way);
  };
  visit(start, []);
  return [...found.values()];
}

describe('the source tree', () => {
  it('has no folder outside of the layers, and no layer without a folder', () => {
    const inFolders = files.filter(({ path }) => path.includes('/'));
    expect(inFolders.filter(({ path }) => roomOf(path) === '').map(({ path }) => path)).toEqual([]);
    expect(new Set(inFolders.map(({ path }) => roomOf(path)))).toEqual(new Set(ROOMS));
  });

  it('imports only earlier layers, and no sibling', () => {
    const wrong = files
      .filter(({ path }) => path.includes('/'))
      .flatMap((file) => own(file).map((target) => ({ from: file.path, to: target })))
      .filter(({ from, to }) => roomOf(from) !== roomOf(to))
      .filter(({ from, to }) => {
        const narrower = NARROWER[roomOf(from)];
        if (narrower !== undefined) return !narrower.includes(roomOf(to));
        const daemons = [from, to].map(folderOf).filter((folder) => DAEMONS.includes(folder));
        if (new Set(daemons).size === 2) return true;
        return layerOf(roomOf(to)) >= layerOf(roomOf(from));
      });
    expect(wrong).toEqual([]);
  });

  it('has no import cycle', () => {
    const graph = new Map(files.map((file) => [file.path, own(file)]));
    const done = new Set<string>();
    const visit = (path: string, way: readonly string[]): string[] => {
      if (way.includes(path)) return [...way.slice(way.indexOf(path)), path];
      if (done.has(path)) return [];
      for (const target of graph.get(path) ?? []) {
        const cycle = visit(target, [...way, path]);
        if (cycle.length > 0) return cycle;
      }
      done.add(path);
      return [];
    };
    expect(files.flatMap(({ path }) => visit(path, []))).toEqual([]);
  });

  it('loads no slow package before it is known which command runs', () => {
    const found = loadedWith('cli/program.ts');
    const slow = found.flatMap(({ way, loaded }) =>
      loaded.filter((name) => SLOW.test(name)).map((name) => [...way, name].join(' > ')),
    );
    expect(slow).toEqual([]);
    expect(found.map(({ way }) => way.at(-1))).toContain('config/env.ts');
  });

  it('loads neither zod nor a client of a service into the process of the triggers', () => {
    const names = loadedWith('watcher/evaluator/entry.ts').flatMap(({ loaded }) => loaded);
    const foreign = new Set(names.filter((name) => !/^(\.|node:)/.test(name)));
    expect([...foreign].toSorted()).toEqual(['dataloader', 'eta', 'validator/lib/isEmail.js']);
  });

  it('imports node:http, which loads a WebSocket client, in no command before it sends an event', () => {
    const entries = files.filter(({ path }) => /-run\.ts$|entry\.ts$|dockerflow\.ts$/.test(path));
    expect(entries.length).toBeGreaterThan(5);
    const ways = entries.flatMap(({ path }) => loadedWith(path));
    const slow = ways.filter(({ loaded }) => loaded.includes('node:http')).map(({ way }) => way.join(' > '));
    expect(slow).toEqual([]);
  });

  it('gives each foreign service to one place', () => {
    const wrong = files.flatMap(({ path, imports }) =>
      imports
        .filter((specifier) => ADAPTERS[specifier]?.test(path) === false)
        .map((name) => `${path}: ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  it('leaves signals, exit and the environment to the command line and the entries of processes', () => {
    const touching = /process\.(exit\b|on\(|once\(|env\b(?!\.NODE_))/;
    const allowed = /^(cli\/|processor\/worker\/entry\.ts$|watcher\/evaluator\/entry\.ts$)/;
    expect(
      files.filter(({ path, text }) => !allowed.test(path) && touching.test(text)).map(({ path }) => path),
    ).toEqual([]);
  });

  it('has short files', () => {
    const long = files.filter(({ text }) => text.split('\n').length > 300).map(({ path }) => path);
    expect(long).toEqual([]);
  });
});
