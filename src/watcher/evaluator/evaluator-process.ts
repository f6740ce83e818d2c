import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { extname } from 'node:path';
import { asError, fromWire } from '../../runtime/errors.ts';
import { guardOrphan } from './orphan-guard.ts';
import type { EvaluatorCommand, EvaluatorReport } from './protocol.ts';
import { isEvaluatorReport } from './protocol.ts';

const ENTRY = new URL(`./entry${extname(import.meta.filename)}`, import.meta.url);
/**
 * The size of a semi-space of V8's young generation, in MB. With 2 MB a run took 1.1 times as long, because most of a page
 * outlived it.
 */
const ARGUMENTS = ['--min-semi-space-size=8', '--max-semi-space-size=8'];
const TICK_MILLISECONDS = 1_000;

/** The process that runs the code of triggers ended, or was ended because it was silent. */
export class EvaluatorFault extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'EvaluatorFault';
    // Our own stack would only show where the watcher noticed it.
    this.stack = `${this.name}: ${message}`;
  }
}

/** The process could not be started, or was killed by somebody else. The code of triggers may be right. */
export class OutsideFault extends EvaluatorFault {}

/** A process gets these signals for its own faults, such as a heap that is full. */
const OWN_SIGNALS: ReadonlySet<NodeJS.Signals> = new Set([
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGILL',
  'SIGSEGV',
  'SIGSYS',
  'SIGTRAP',
]);

export interface ProcessEvents {
  /** Every report that doesn't end a request. */
  readonly report: (report: EvaluatorReport) => void;
  /** It ended while nobody waited for it. */
  readonly ended: (fault: EvaluatorFault) => void;
}

export interface Request {
  readonly command: EvaluatorCommand;
  /** The report that ends the request. */
  readonly until: EvaluatorReport['type'];
  /** How long the process may report nothing before it is killed. Its start doesn't count. */
  readonly silentMilliseconds: number;
  readonly onReport?: (report: EvaluatorReport) => void;
}

interface Pending {
  readonly request: Request;
  readonly resolve: (report: EvaluatorReport) => void;
  readonly reject: (error: unknown) => void;
}

/** One process that runs the code of triggers. It does one request at a time. */
export class EvaluatorProcess {
  readonly #child: ChildProcess;
  readonly #events: ProcessEvents;
  #pending: Pending | undefined;
  #exception: Error | undefined;
  #fault: EvaluatorFault | undefined;
  #silentTicks = 0;
  /** It has reported something. Until then it is starting, which takes long on a busy machine. */
  #started = false;
  #killed = false;

  constructor(environment: NodeJS.ProcessEnv, events: ProcessEvents) {
    this.#events = events;
    this.#child = fork(ENTRY, {
      env: environment,
      execArgv: ARGUMENTS,
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child.on('message', (message: unknown) => this.#received(message));
    this.#child.on('error', (error) => this.#end(new OutsideFault('its process failed', asError(error))));
    const ended = this.#child.pid === undefined ? () => {} : guardOrphan(this.#child.pid);
    this.#child.on('exit', (code, signal) => {
      ended();
      this.#end(faultOf(code, signal, this.#exception));
    });
  }

  /** Undefined as long as it lives. */
  get fault(): EvaluatorFault | undefined {
    return this.#fault;
  }

  send(command: EvaluatorCommand): void {
    // Sending to a process that has ended fails. Its end is noticed separately.
    if (this.#child.connected) this.#child.send(command, () => {});
  }

  /**
   * Sends a command and waits for the report that ends it.
   * @throws EvaluatorFault if the process ends before, or is killed because it was silent
   * @throws the signal's reason; the process is killed, because it may never answer
   */
  async request(request: Request, signal: AbortSignal): Promise<EvaluatorReport> {
    if (this.#pending !== undefined) throw new Error('the process of the triggers has a request already');
    if (this.#fault !== undefined) throw this.#fault;
    const { promise, resolve, reject } = Promise.withResolvers<EvaluatorReport>();
    this.#pending = { request, resolve, reject };
    this.#silentTicks = 0;
    const ticks = setInterval(() => this.#tick(), TICK_MILLISECONDS);
    const abort = () => {
      reject(signal.reason);
      this.kill(new EvaluatorFault('the watcher stops'));
    };
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    else this.send(request.command);
    try {
      return await promise;
    } finally {
      clearInterval(ticks);
      signal.removeEventListener('abort', abort);
      this.#pending = undefined;
    }
  }

  /** Ends the process, which nobody needs to hear of. */
  kill(fault: EvaluatorFault): void {
    this.#killed = true;
    this.#end(fault);
    this.#child.kill('SIGKILL');
  }

  /** Ticks and not a clock: if this process itself was paused, the reports are waiting to be read. */
  #tick(): void {
    if (!this.#started) return;
    this.#silentTicks += 1;
    const silent = this.#pending?.request.silentMilliseconds ?? Number.POSITIVE_INFINITY;
    if (this.#silentTicks * TICK_MILLISECONDS < silent) return;
    this.kill(
      new EvaluatorFault(`it did not return control within ${silent / 1_000} s, and its process was ended`),
    );
  }

  #received(message: unknown): void {
    // A trigger may call `process.send` itself.
    if (!isEvaluatorReport(message)) return;
    this.#started = true;
    this.#silentTicks = 0;
    if (message.type === 'exception') this.#exception = fromWire(message.error);
    if (message.type === this.#pending?.request.until) {
      this.#pending.resolve(message);
      return;
    }
    this.#pending?.request.onReport?.(message);
    this.#events.report(message);
  }

  #end(fault: EvaluatorFault): void {
    if (this.#fault !== undefined) return;
    this.#fault = fault;
    if (this.#pending !== undefined) this.#pending.reject(fault);
    else if (!this.#killed) this.#events.ended(fault);
  }
}

function faultOf(
  code: number | null,
  signal: NodeJS.Signals | null,
  exception: Error | undefined,
): EvaluatorFault {
  if (exception !== undefined) {
    return new EvaluatorFault('an error was thrown outside of evaluate, in a timer or an event', exception);
  }
  if (signal === null) return new EvaluatorFault(`its process ended (exit code ${code})`);
  const ended = `its process ended (signal ${signal})`;
  return OWN_SIGNALS.has(signal) ? new EvaluatorFault(ended) : new OutsideFault(ended);
}
