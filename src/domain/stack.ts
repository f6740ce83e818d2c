import type { StackFrame } from './issue.ts';
import type { JsonRecord } from './json.ts';
import { isRecord, nonEmptyText } from './json.ts';
import { cleanPlace, cleanText } from './privacy.ts';
import { plural, storable } from './text.ts';

/** Frames as Sentry has them: from the oldest call to the crash site. */
export type Frames = readonly JsonRecord[];

const MAX_FRAMES = 50;
const MAX_FRAME_TEXT = 200;
/** A file's name may be a megabyte. Text beyond this length is never kept. */
const MAX_READ = 2_000;

/** The frames of an exception, a thread or the entry `stacktrace`. */
export function framesOf(holder: JsonRecord): Frames {
  for (const trace of [holder.stacktrace, holder.rawStacktrace, holder]) {
    if (isRecord(trace) && Array.isArray(trace.frames)) {
      const frames = trace.frames.filter(isRecord);
      if (frames.length > 0) return frames;
    }
  }
  return [];
}

/**
 * The frames of an event whose exception has no frames. They come from the thread that crashed, else from the current
 * thread, else from the old entry `stacktrace`.
 */
export function framesElsewhere(entries: readonly JsonRecord[]): Frames {
  const threads = entries.find(({ type }) => type === 'threads')?.data;
  const values = isRecord(threads) && Array.isArray(threads.values) ? threads.values.filter(isRecord) : [];
  const thread =
    values.find(({ crashed }) => crashed === true) ?? values.find(({ current }) => current === true);
  const frames = thread === undefined ? [] : framesOf(thread);
  if (frames.length > 0) return frames;
  const trace = entries.find(({ type }) => type === 'stacktrace')?.data;
  return isRecord(trace) ? framesOf(trace) : [];
}

/**
 * The place where the error happened: the file of the frame nearest to the crash site that names a file. Engines put their
 * own frames on top, such as `[native code]` for Array.map.
 */
export function crashModule(frames: Frames): string | null {
  for (let index = frames.length - 1; index >= 0; index -= 1) {
    const place = frames[index] === undefined ? null : placeOf(frames[index] as JsonRecord);
    if (place !== null) return place;
  }
  return null;
}

/** The file or module that a text names; null for an engine's placeholder. */
export function placeIn(value: unknown): string | null {
  const text = nonEmptyText(value);
  if (text === null) return null;
  const bounded = text.slice(0, MAX_READ).trim();
  // If one script loads another, Firefox names the other `LOADER -> FILE`.
  const file = bounded.split(' -> ').at(-1) ?? '';
  return file === '' || ENGINE.test(file) ? null : cleanPlace(file);
}

/**
 * Placeholders of JavaScript engines in place of a file. V8 writes `<anonymous>` and `native`. SpiderMonkey writes
 * `self-hosted` and `debugger eval code`. JavaScriptCore writes `[native code]` and `eval code`. All of them write one for
 * WebAssembly without a file. Any name in square or pointed brackets is a placeholder.
 */
const ENGINE =
  /^(?:\[[^\]/\\]*\]|<[^>/\\]*>|\(.*\)|self-hosted|native(?: code)?|(?:debugger )?eval(?: code)?|eval at .*|anonymous|unknown|undefined|null|\?+|wasm-function\[\d*\]|wasm code|\[wasm code\]|node:internal\/.*|VM\d+|about:blank)(?::\d+){0,2}$/i;

/** URL schemes of browser extensions, whose errors are not errors of the browser. */
export const EXTENSION_SCHEMES = [
  'moz-extension',
  'chrome-extension',
  'safari-web-extension',
  'safari-extension',
] as const;
const EXTENSION = new RegExp(`^(?:${EXTENSION_SCHEMES.join('|')}):`, 'i');

/** Whether a module or a frame's file belongs to a browser extension. */
export function isExtensionPlace(place: string): boolean {
  return EXTENSION.test(place);
}

function placeOf(frame: JsonRecord): string | null {
  return firstOf(placesOf(frame), placeIn);
}

/** Sentry shortens an extension's file to a module such as `content`, so an extension's file comes before the module. */
function placesOf(frame: JsonRecord): readonly unknown[] {
  const extension = [frame.absPath, frame.filename].filter(
    (file) => typeof file === 'string' && isExtensionPlace(file),
  );
  return [...extension, frame.module, frame.filename, frame.absPath];
}

/** A frame until it is known whether it is stored: as in the event, without its source. */
interface KeptFrame {
  readonly called: string | null;
  readonly places: readonly unknown[];
  readonly library: string | null;
  readonly line: unknown;
  readonly column: unknown;
}

/** The crash site first, at most fifty, and the number of frames that are left out. */
export interface KeptFrames {
  readonly frames: readonly KeptFrame[];
  readonly left: number;
}

export function keepFrames(frames: Frames): KeptFrames {
  const kept = frames.slice(-MAX_FRAMES).reverse();
  return { frames: kept.map(keepFrame), left: frames.length - kept.length };
}

function keepFrame(frame: JsonRecord): KeptFrame {
  return {
    called:
      nonEmptyText(frame.function) ??
      nonEmptyText(frame.rawFunction) ??
      nonEmptyText(frame.symbol) ??
      nonEmptyText(frame.instructionAddr),
    places: placesOf(frame),
    library: nonEmptyText(frame.package),
    line: frame.lineNo,
    column: frame.colNo,
  };
}

/** The frames as they are stored, with one more that says how many are left out. */
export function stackFrames({ frames, left }: KeptFrames): readonly StackFrame[] {
  const stored = frames.map(storedFrame);
  if (left > 0)
    stored.push({ function: `… ${plural(left, 'more frame')}`, module: null, line: null, column: null });
  return stored;
}

/** An engine's frame is stored as it is, because it says which function was called. */
function storedFrame({ called, places, library, line, column }: KeptFrame): StackFrame {
  const file = firstOf(places, placeIn) ?? libraryName(library) ?? firstOf(places, nonEmptyText);
  return {
    function: called === null ? null : bounded(cleanText(called.slice(0, MAX_READ))),
    module: bounded(file),
    line: position(line),
    column: position(column),
  };
}

/** The first text that is read from the values; the others are not read. */
export function firstOf(values: readonly unknown[], read: (value: unknown) => string | null): string | null {
  for (const value of values) {
    const text = read(value);
    if (text !== null) return text;
  }
  return null;
}

/** The last part of a native library's path: `xul.dll` of `C:\Program Files\Mozilla Firefox\xul.dll`. */
function libraryName(path: string | null): string | null {
  return nonEmptyText(path?.slice(-MAX_READ).split(/[\\/]/).at(-1));
}

function bounded(text: string | null): string | null {
  return text === null ? null : storable(text, MAX_FRAME_TEXT);
}

function position(value: unknown): number | null {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;
}
