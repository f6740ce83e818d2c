import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';

/** It ends with a line on its input. At the end of its input, it kills the process. */
const SCRIPT = `trap '' INT TERM; read -r line || kill -9 "$0"`;

/**
 * Makes sure that a process ends if this one is killed. It would notice that by itself, but not in a loop that never ends.
 * A shell waits for the end of a pipe, which the kernel closes if this process is gone. A thread of that process could
 * do the same, and takes 20 MB and 0.1 s of CPU.
 * @returns call this when the process has ended
 */
export function guardOrphan(pid: number): () => void {
  const shell = spawn('/bin/sh', ['-c', SCRIPT, String(pid)], {
    env: {},
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const pipe = shell.stdin as Socket;
  // Without a shell, or after it was killed, the process is not guarded. That matters only if this one is killed too.
  for (const part of [shell, pipe]) {
    part.on('error', () => {});
    part.unref();
  }
  return () => pipe.end('ended\n');
}
