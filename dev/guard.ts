import { spawn } from 'node:child_process';
import { Socket } from 'node:net';

export interface Guard {
  /** The guarded thing was closed in order: nothing is left to clean up. */
  release(): void;
}

/**
 * Runs a shell script after this process has ended in any way, even by `kill -9`. A waiting shell reads from a pipe
 * that only we hold open. It has its own process group, so Ctrl-C in the terminal doesn't reach it.
 * @param parameters the script's `$1`, `$2`, …
 */
export function guard(script: string, parameters: readonly string[]): Guard {
  const shell = spawn('/bin/sh', ['-c', `read -r _; ${script}`, 'guard', ...parameters], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
  });
  // Without a shell there is no guard. Then the caller still closes the guarded thing if it ends in order.
  shell.on('error', () => undefined);
  shell.stdin.on('error', () => undefined);
  shell.unref();
  if (shell.stdin instanceof Socket) shell.stdin.unref();
  return {
    release() {
      shell.kill('SIGKILL');
      shell.stdin.destroy();
    },
  };
}
