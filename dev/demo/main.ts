import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { plural } from '../../src/domain/text.ts';
import { messageOf } from '../../src/runtime/errors.ts';
import { Teardown } from '../../src/runtime/lifecycle.ts';
import { createLogger } from '../../src/runtime/logger.ts';
import { configuredServer } from '../postgres/configured.ts';
import type { Stack } from '../stack.ts';
import { startStack } from '../stack.ts';
import type { RunningCommand } from './command-line.ts';
import { runCommand, startCommand } from './command-line.ts';
import { flood } from './errors.ts';
import { showEmails, showTopIssues } from './report.ts';
import { stay } from './stay.ts';
import type { Terminal } from './terminal.ts';
import { createTerminal, number } from './terminal.ts';

const USAGE = `npm run demo               show how browser errors become emails, on this machine
npm run dev                do the same and keep running until Ctrl-C

  --events COUNT           number of made-up browser errors (default 2000)
  --issues COUNT           most issues that they belong to (default 300)
  --watcher                also run a watcher every 30 s (npm run dev only)
`;

/** Fixed, so that a person finds the pages again; a port that is in use is replaced by any free one. */
const PORTS = { postgres: 54_329, sqs: 4_568, ses: 8_005, sentry: 9_000 } as const;
const MOST_WORKERS = 4;
const STEP_MILLISECONDS = 45_000;
/** The trigger Healthcheck looks for the first word. */
const HEALTHCHECK = 'bec-alerts-healthcheck: hello from the demo';
const LOG_MESSAGE = 'A message without an exception';

interface DemoOptions {
  readonly stay: boolean;
  readonly watcher: boolean;
  readonly events: number;
  readonly issues: number;
}

const terminal = createTerminal(process.stdout);
const signal = stopSignal();
process.exitCode = await main();

/** @returns the exit code */
async function main(): Promise<number> {
  const started = performance.now();
  const destination = { write: (line: string) => terminal.aside(line.trimEnd()) };
  const logger = createLogger({ format: 'compose', level: 'WARNING', name: 'demo', destination });
  const teardown = new Teardown(logger, STEP_MILLISECONDS);
  let options: DemoOptions | null = null;
  try {
    options = readOptions();
    if (options === null) return 0;
    await demo(options, teardown);
  } catch (thrown) {
    if (!signal.aborted) {
      process.stderr.write(`\n${options?.stay ? 'dev' : 'demo'} failed: ${messageOf(thrown)}\n`);
      return options === null ? 2 : 1;
    }
  } finally {
    if (signal.aborted) terminal.line('\nStopping …');
    await teardown.run();
  }
  const seconds = Math.round((performance.now() - started) / 1_000);
  terminal.line(
    `${signal.aborted ? 'Stopped' : `Done in ${seconds} s`}. All that it started is stopped and removed.`,
  );
  // A shell reads 130 as "ended by Ctrl-C"; for what stays up until then that is the proper end.
  return signal.aborted && options?.stay !== true ? 130 : 0;
}

async function demo(options: DemoOptions, teardown: Teardown): Promise<void> {
  terminal.heading('Starting');
  const stack = await startStack({
    say: (line) => sayPart(terminal, line),
    databaseUrl: configuredServer(process.env),
    ports: PORTS,
    signal,
  });
  teardown.add('the stack', () => stack.close());
  await runCommand(['migrate'], stack.env, signal);
  terminal.item('Schema', 'migrated');
  const processor = startProcessor(stack, teardown);

  await sendErrors(stack, processor, options);
  await runWatcher(stack);
  await showTopIssues(stack, terminal);
  await showEmails(stack, HEALTHCHECK, terminal);
  if (options.stay) await stay({ stack, processor, options, terminal, teardown, signal });
  else goodbye(stack);
}

/** The stack reports each part as `SQS: http://…`, and its other steps without a name. */
function sayPart(terminal: Terminal, line: string): void {
  const [, part, text] = /^(Postgres|SQS|SES|Sentry stand-in): (.*)$/s.exec(line) ?? [];
  if (part === undefined || text === undefined) terminal.aside(line);
  else terminal.item(part, text);
}

function startProcessor({ env }: Stack, teardown: Teardown): RunningCommand {
  const workers = Math.min(availableParallelism(), MOST_WORKERS);
  const processor = startCommand(['processor'], { ...env, PROCESSOR_PROCESS_COUNT: String(workers) });
  teardown.add('the processor', () => processor.stop());
  terminal.item('Processor', plural(workers, 'worker'));
  return processor;
}

async function sendErrors(stack: Stack, processor: RunningCommand, options: DemoOptions): Promise<void> {
  terminal.heading('Sending errors');
  const simulated = [
    ['simulate_error', '--message', HEALTHCHECK],
    ['simulate_error', '--no-traceback', '--message', LOG_MESSAGE],
  ];
  try {
    for (const parameters of simulated) {
      await runCommand(parameters, stack.env, signal);
      terminal.item('simulate_error', parameters.at(-1) ?? '');
    }
    const { events, issues } = options;
    const made = plural(events, 'browser error', number(events));
    terminal.item('made up', `${made} of up to ${plural(issues, 'issue', number(issues))}`);
    terminal.line();
    await flood(stack, { events, issues, others: simulated.length }, processor, terminal, signal);
  } catch (error) {
    if (signal.aborted || processor.running()) throw error;
    throw new Error(`the processor died; the end of its log:\n${processor.tail()}`, { cause: error });
  }
}

async function runWatcher({ env }: Stack): Promise<void> {
  terminal.heading('Watcher, one run');
  const log = await runCommand(['watcher', '--once'], env, signal);
  const [, verdict] = /\| INFO \| (evaluated .*?) run=/.exec(log) ?? [];
  terminal.line(`  ${verdict ?? log}`);
}

function goodbye({ ses }: Stack): void {
  terminal.line();
  terminal.item('Inbox page', `${ses.endpoint} while this ran; \`npm run dev\` keeps one open`);
  terminal.line();
}

function readOptions(): DemoOptions | null {
  const { values } = parseArgs({
    options: {
      stay: { type: 'boolean', default: false },
      watcher: { type: 'boolean', default: false },
      events: { type: 'string', default: '2000' },
      issues: { type: 'string', default: '300' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return null;
  }
  const { stay, watcher } = values;
  return {
    stay,
    watcher,
    events: count('--events', values.events),
    issues: count('--issues', values.issues),
  };
}

function count(option: string, value: string): number {
  if (/^[1-9]\d{0,5}$/.test(value)) return Number(value);
  throw new Error(`${option} must be a whole number from 1 to 999999, not ${value}`);
}

/** The first signal cleans up. npm hands on the one that the terminal sent already, so a second soon after is the same. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  let at = Number.POSITIVE_INFINITY;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      // The guards clean up after a process that is gone.
      if (performance.now() - at > 1_000) process.exit(130);
      at = Math.min(at, performance.now());
      controller.abort(new Error(`stopped by ${name}`));
    });
  }
  // The reader of the output has closed it, as in `npm run demo | head`.
  process.stdout.on('error', () => controller.abort(new Error('nobody reads the output')));
  return controller.signal;
}
