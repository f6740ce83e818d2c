import { spawn } from 'node:child_process';
import { Socket } from 'node:net';

export interface Guard {
  /** The guarded thing was closed in order: nothing is left to clean up. */
  release(): void;
}

/**
 * Runs a shell script once this process is gone, however it went, `kill -9` included: a waiting shell reads from a
 * pipe that only we hold open. It has its own process group, so Ctrl-C in the terminal doesn't reach it.
 * @param parameters the script's `$1`, `$2`, …
 */
export function guard(script: string, parameters: readonly string[]): Guard {
  const shell = spawn('/bin/sh', ['-c', `read -r _; ${script}`, 'guard', ...parameters], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
  });
  // Without a shell there is no guard; what it guards is still closed by whoever started it.
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
