import type { JsonRecord } from '../../src/domain/json.ts';
import type { Random } from './random.ts';
import { pick, seededRandom } from './random.ts';

export type EventSize = 'small' | 'full';

/** The parts that all events of one made-up issue have in common. */
export interface BrowserIssue {
  readonly groupId: string;
  /** Empty for an exception, as Sentry has it. */
  readonly message: string;
  readonly title: string;
  readonly culprit: string;
  readonly location: string;
  /** The entry of the exception or of the log message, as JSON: written once, it is most of an event. */
  readonly entry: string;
  readonly metadata: JsonRecord;
}

type Choice = readonly [string, ...string[]];

interface Origin {
  readonly files: Choice;
  readonly inApp: boolean;
}

const ORIGINS: readonly [Origin, ...Origin[]] = [
  {
    inApp: true,
    files: [
      'resource:///modules/sessionstore/SessionStore.sys.mjs',
      'resource:///modules/UrlbarInput.sys.mjs',
      'resource:///modules/asrouter/ASRouter.sys.mjs',
      'resource://gre/modules/AddonManager.sys.mjs',
    ],
  },
  {
    inApp: true,
    files: ['https://example.com/assets/app.js', 'https://example.com/assets/vendor.js'],
  },
  {
    inApp: true,
    files: [
      'chrome://browser/content/browser.js',
      'chrome://global/content/elements/browser-custom-element.mjs',
      'chrome://browser/content/tabbrowser/tabbrowser.js',
    ],
  },
  {
    inApp: false,
    files: [
      'moz-extension://6f1d7c0e-2b6b-4c39-9d0f-0a3a5c1de2b7/content.js',
      'moz-extension://c2a0b6f4-91de-4e57-8a1c-7be1f30d5a44/background.js',
    ],
  },
];

const ERRORS: readonly [readonly [string, string], ...(readonly [string, string])[]] = [
  ['TypeError', 'can\'t access property "PROPERTY", OBJECT is undefined'],
  ['TypeError', 'OBJECT.PROPERTY is not a function'],
  ['ReferenceError', 'OBJECT is not defined'],
  ['NetworkError', 'A network error occurred.'],
  ['TypeError', 'OBJECT is null'],
  ['NS_ERROR_NOT_AVAILABLE', 'Component is not available (OBJECT.PROPERTY)'],
  ['AbortError', 'The operation was aborted while OBJECT was loading'],
  ['SyntaxError', 'JSON.parse: unexpected end of data at line 1 column 1 of the JSON data'],
  ['RangeError', 'invalid array length of OBJECT.PROPERTY'],
  ['InternalError', 'too much recursion'],
  ['NotFoundError', 'Node was not found in OBJECT.PROPERTY'],
];
const LOG_MESSAGES: Choice = [
  'OBJECT: PROPERTY took longer than 5000 ms',
  'Ignoring an unknown PROPERTY in OBJECT',
  'OBJECT could not be restored: PROPERTY is missing — çà et là',
];
const OBJECTS: Choice = [
  'this._window',
  'browser',
  'aTab.linkedBrowser',
  'gBrowser.selectedTab',
  'event.detail',
  'response.body',
  'controller',
  'store',
  'panel',
  'win.gURLBar',
  'engine',
  'row',
];
const PROPERTIES: Choice = [
  'addEventListener',
  'documentURI',
  'permanentKey',
  'items',
  'getAttribute',
  'then',
  'messageManager',
  'length',
  'ownerGlobal',
  'userContextId',
  'scrollTop',
  'value',
];
const FUNCTIONS: Choice = [
  'handleEvent',
  'receiveMessage',
  'onStateChange',
  'render',
  'restoreTab',
  '_update',
  'observe',
  'init/<',
  'async*load',
  'dispatch',
  'fetchResults',
  'setState',
  'promise callback*connect',
];

const FRAMES: Readonly<Record<EventSize, number>> = { small: 3, full: 12 };
const LINES_AROUND = 3;
/** One issue in so many is a log message without an exception. */
const LOG_MESSAGE_EVERY = 13;
const FIRST_GROUP = 4_200_001;

/** The issue of a rank, counted from 0: the same at every call. */
export function browserIssue(rank: number, size: EventSize): BrowserIssue {
  const random = seededRandom(rank);
  const origin = ORIGINS[rank % ORIGINS.length] ?? ORIGINS[0];
  const frames = Array.from({ length: FRAMES[size] }, () => frame(random, origin, size));
  const crash = frames.at(-1);
  const location = crash?.filename ?? '';
  const name = crash?.function ?? '';
  const common = { groupId: String(FIRST_GROUP + 37 * rank), culprit: `${name}(${location})`, location };
  if (rank % LOG_MESSAGE_EVERY === LOG_MESSAGE_EVERY - 1) {
    const message = filled(random, pick(random, LOG_MESSAGES));
    const data = { formatted: message, message: null, params: null };
    const entry = JSON.stringify({ type: 'message', data });
    return { ...common, message, title: message, entry, metadata: { title: message } };
  }
  const [type, template] = pick(random, ERRORS);
  const value = filled(random, template);
  const entry = JSON.stringify(exceptionEntry(type, value, location, frames));
  const metadata = { type, value, filename: location, function: name };
  return { ...common, message: '', title: `${type}: ${value}`, entry, metadata };
}

function filled(random: Random, template: string): string {
  return template.replace('OBJECT', pick(random, OBJECTS)).replace('PROPERTY', pick(random, PROPERTIES));
}

/** Frames run from the oldest call to the crash site. */
function exceptionEntry(
  type: string,
  value: string,
  module: string,
  frames: readonly JsonRecord[],
): JsonRecord {
  const stacktrace = { frames, framesOmitted: null, registers: null, hasSystemFrames: false };
  const mechanism = { type: 'onerror', handled: false };
  const thrown = { type, value, mechanism, threadId: null, module, stacktrace, rawStacktrace: null };
  return { type: 'exception', data: { values: [thrown], hasSystemFrames: false, excOmitted: null } };
}

function frame(random: Random, origin: Origin, size: EventSize) {
  const filename = pick(random, origin.files);
  const lineNo = 10 + Math.floor(random() * 4_000);
  return {
    filename,
    absPath: filename,
    module: filename,
    package: null,
    platform: null,
    instructionAddr: null,
    symbolAddr: null,
    function: pick(random, FUNCTIONS),
    rawFunction: null,
    symbol: null,
    context: size === 'full' ? sourceAround(random, lineNo) : [],
    lineNo,
    colNo: 1 + Math.floor(random() * 90),
    inApp: origin.inApp,
    trust: null,
    errors: null,
    lock: null,
    vars: null,
  };
}

function sourceAround(random: Random, lineNo: number): [number, string][] {
  return Array.from({ length: 2 * LINES_AROUND + 1 }, (_, index) => {
    const line = `    const ${pick(random, PROPERTIES)} = ${pick(random, OBJECTS)}.${pick(random, FUNCTIONS)}();`;
    return [lineNo - LINES_AROUND + index, line];
  });
}
