import { pathToFileURL } from 'node:url';
import type { Teardown } from '../../src/runtime/lifecycle.ts';
import type { Stack } from '../stack.ts';
import type { RunningCommand } from './command-line.ts';
import { runCommand, startCommand } from './command-line.ts';
import { assignments, writeEnvFile } from './env-file.ts';
import { sendInvalidEvent, trickle } from './errors.ts';
import type { Terminal } from './terminal.ts';

const WATCHER_SECONDS = '30';
/** Notifies in a second terminal's dry run, which evaluates the issues that changed after the demo's run. */
const SECOND_HEALTHCHECK = 'bec-alerts-healthcheck: evaluate me in a second terminal';

export interface Staying {
  readonly stack: Stack;
  readonly processor: RunningCommand;
  readonly options: { readonly watcher: boolean; readonly issues: number };
  readonly terminal: Terminal;
  readonly teardown: Teardown;
  readonly signal: AbortSignal;
}

/**
 * `npm run dev`: keeps everything running until the signal fires, and sends new errors to evaluate. It starts a watcher
 * only on request, because a watcher would evaluate them before the person in the second terminal does.
 */
export async function stay({
  stack,
  processor,
  options,
  terminal,
  teardown,
  signal,
}: Staying): Promise<void> {
  await runCommand(['simulate_error', '--message', SECOND_HEALTHCHECK], stack.env, signal);
  await sendInvalidEvent(stack, signal);
  // npm runs scripts in the project's folder, which is where the second terminal's commands look.
  const remove = await writeEnvFile(pathToFileURL('.env'), stack.env);
  if (remove !== null) teardown.add('.env', remove);
  showCommands(stack, remove !== null, terminal);

  const daemons = [processor];
  if (options.watcher) {
    const watcher = startCommand(['watcher'], { ...stack.env, WATCHER_SLEEP_DELAY: WATCHER_SECONDS });
    teardown.add('the watcher', () => watcher.stop());
    daemons.push(watcher);
  }
  for (const daemon of daemons) daemon.follow((line) => terminal.aside(line));
  const died = Promise.race(daemons.map(async (daemon) => await daemon.ended.then(() => daemon)));
  const ended = await Promise.race([died, trickle(stack, options.issues, signal)]);
  if (ended !== undefined && !signal.aborted) {
    throw new Error(`a daemon died; the end of its log:\n${ended.tail()}`);
  }
}

function showCommands({ env, ses }: Stack, written: boolean, terminal: Terminal): void {
  terminal.heading('Running until Ctrl-C');
  terminal.item('Inbox page', ses.endpoint);
  terminal.item('By thread', new URL('/threads', ses.endpoint).href);
  terminal.item('Errors', 'a few new ones every 10 s, for you to evaluate');
  terminal.heading('In a second terminal, in this folder');
  terminal.line('  npx bec-alerts watcher --once --console-alerts --dry-run  print the alerts');
  terminal.line('  npx bec-alerts watcher --once                             send them by email');
  terminal.line("  npx bec-alerts simulate_error --message 'What I broke'    send one more error");
  terminal.line('  npx bec-alerts dead_letters                               list a dead letter');
  terminal.line();
  if (written) terminal.item('.env', 'written for these commands, and removed at the end:');
  else terminal.item('.env', 'yours, not changed; set these variables, which override it:');
  terminal.line();
  for (const line of assignments(env)) terminal.aside(written ? line : `export ${line}`);
  const overriding = Object.keys(env).filter(
    (name) => ![undefined, '', env[name]].includes(process.env[name]),
  );
  if (written && overriding.length > 0) {
    terminal.line(
      `\n  This shell sets ${overriding.join(', ')}, which overrides .env. Unset it in the second terminal.`,
    );
  }
  terminal.heading('Log');
}
