import { describe, expect, it } from 'vitest';
import { MAX_MODULE, parseEvent } from '../../../src/domain/event.ts';
import { placeIn } from '../../../src/domain/stack.ts';
import { exception, exceptionEntry, forwarded } from '../../support/events.ts';

const SENT_AT = new Date('2026-05-06T12:30:00Z');
const APP = 'https://app.example/static/app.js';

function event(overrides: Record<string, unknown>) {
  const parsed = parseEvent(JSON.stringify(forwarded(overrides)), SENT_AT);
  if ('rejection' in parsed) throw new Error(`rejected: ${parsed.rejection.reason}`);
  return parsed.event;
}

/** An event whose exception names no module. @param frames from the oldest call to the crash site */
const withFrames = (frames: readonly object[], overrides: Record<string, unknown> = {}) =>
  event({
    entries: [exceptionEntry([exception('A', 'b', { module: null, stacktrace: { frames } })])],
    ...overrides,
  });

describe('the module of an event', () => {
  it('is the exception’s own, else the file of the crash site', () => {
    expect(event({}).module).toBe('app');
    expect(withFrames([{ filename: 'main.js' }, { filename: 'render.js' }]).module).toBe('render.js');
  });

  it.each([
    '[native code]',
    '<anonymous>',
    'self-hosted',
    'self-hosted:812:17',
    'native',
    'eval code',
    'debugger eval code',
    'debugger eval code:1:7',
    'eval at run (app.js:3:1)',
    'wasm-function[17]',
    '[wasm code]',
    '<frozen importlib._bootstrap>',
    'node:internal/process/task_queues',
    'VM123',
    '?',
    '  ',
    '',
    null,
  ])('is never the engine’s %j: the nearest frame towards the caller that names a file has it', (engine) => {
    const frames = [
      { filename: 'far.js', function: 'main' },
      { absPath: APP, function: 'render', lineNo: 20 },
      { filename: engine, absPath: engine, function: 'Array.map' },
      { filename: engine, function: 'Array.prototype.forEach' },
    ];
    const { module, stackFrames } = withFrames(frames);
    expect(module).toBe(APP);
    // Such frames stay: they say what was called.
    expect(stackFrames.map((frame) => frame.function)).toEqual([
      'Array.prototype.forEach',
      'Array.map',
      'render',
      'main',
    ]);
  });

  it('is an extension’s where an extension called the engine', () => {
    for (const scheme of ['moz-extension', 'chrome-extension', 'safari-web-extension', 'safari-extension']) {
      const file = `${scheme}://3b1f0000-0000/content.js`;
      expect(withFrames([{ filename: APP }, { filename: file }, { filename: '[native code]' }]).module).toBe(
        file,
      );
    }
  });

  it('is not a placeholder that the exception names', () => {
    const thrown = exception('A', 'b', {
      module: '<anonymous>',
      stacktrace: { frames: [{ filename: 'x.js' }] },
    });
    expect(event({ entries: [exceptionEntry([thrown])] }).module).toBe('x.js');
  });

  it('is empty where nothing names a file', () => {
    expect(withFrames([{ filename: '<anonymous>' }, { function: 'f' }]).module).toBe('');
    expect(event({ entries: undefined }).module).toBe('');
    expect(event({ entries: 'nonsense' })).toMatchObject({ module: '', stackFrames: [] });
  });

  it.each(['java', 'csharp', 'python'])(
    'is the crash frame’s on %s, where an exception names its class’s',
    (platform) => {
      const thrown = (frames: object[]) =>
        exceptionEntry([exception('IOException', 'b', { module: 'java.io', stacktrace: { frames } })]);
      const frames = [{ module: 'com.example.Main' }, { module: 'com.example.Reader' }];
      expect(event({ platform, entries: [thrown(frames)] }).module).toBe('com.example.Reader');
      expect(event({ platform, entries: [thrown([])] }).module).toBe('java.io');
      expect(event({ platform: 'javascript', entries: [thrown(frames)] }).module).toBe('java.io');
    },
  );

  it('is the script that Firefox’s loader loaded', () => {
    const module = 'resource://gre/modules/loader.js -> resource://gre/x.js -> resource://app/y.js';
    expect(event({ entries: [exceptionEntry([exception('A', 'b', { module })])] }).module).toBe(
      'resource://app/y.js',
    );
    expect(placeIn('resource://gre/modules/loader.js -> self-hosted')).toBeNull();
  });

  it('is cut visibly', () => {
    const entries = [exceptionEntry([exception('A', 'b', { module: 'm'.repeat(10_000) })])];
    expect(event({ entries }).module).toBe(`${'m'.repeat(MAX_MODULE - 1)}…`);
  });
});

describe('the stack of an event', () => {
  it('shows a native frame by its library and its symbol or address', () => {
    const xul = 'C:\\Program Files\\Mozilla Firefox\\xul.dll';
    const frames = [
      { package: '/usr/lib/firefox/libxul.so', instructionAddr: '0x7ffe01' },
      { package: xul, symbol: 'mozilla::dom::Run', instructionAddr: '0x7ffe02' },
    ];
    expect(withFrames(frames).stackFrames).toEqual([
      { function: 'mozilla::dom::Run', module: 'xul.dll', line: null, column: null },
      { function: '0x7ffe01', module: 'libxul.so', line: null, column: null },
    ]);
  });

  it('is of the crashed thread, else of the current thread, if the exception has no stack', () => {
    const thread = (name: string, flags: object) => ({
      ...flags,
      stacktrace: { frames: [{ filename: name }] },
    });
    const threads = (...values: object[]) => ({ type: 'threads', data: { values } });
    const bare = exceptionEntry([exception('A', 'b', { module: null, stacktrace: null })]);
    const all = threads(
      thread('idle.js', { current: false, crashed: false }),
      thread('current.js', { current: true }),
      thread('crashed.js', { crashed: true }),
    );
    expect(event({ entries: [bare, all] }).module).toBe('crashed.js');
    expect(event({ entries: [threads(thread('a.js', {}), thread('b.js', { current: true }))] }).module).toBe(
      'b.js',
    );
    expect(event({ entries: [exceptionEntry([exception('A', 'b')]), all] }).stackFrames[0]?.module).toBe(
      'app',
    );
  });

  it('is the old entry `stacktrace` where there is no other', () => {
    const entries = [
      { type: 'stacktrace', data: { frames: [{ filename: 'old.js', function: 'f', lineNo: 3 }] } },
    ];
    expect(event({ entries })).toMatchObject({
      module: 'old.js',
      stackFrames: [{ function: 'f', module: 'old.js', line: 3, column: null }],
    });
  });

  it('keeps fifty frames from the crash site on, and says how many it left out', () => {
    const frames = Array.from({ length: 10_000 }, (_, index) => ({ function: `f${index}`, module: 'm' }));
    const kept = withFrames(frames).stackFrames;
    expect(kept).toHaveLength(51);
    expect(kept[0]?.function).toBe('f9999');
    expect(kept[50]?.function).toBe('… 9950 more frames');
    expect(withFrames(frames.slice(0, 51)).stackFrames[50]?.function).toBe('… 1 more frame');
  });
});
