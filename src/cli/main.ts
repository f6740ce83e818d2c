#!/usr/bin/env node
import module from 'node:module';
import { join } from 'node:path';

// Before anything else is loaded: an old Node would fail on syntax, or on a name that its own modules lack, far from
// the cause.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`bec-alerts needs Node 22.18 or newer, and this is ${process.version}\n`);
  process.exit(2);
}
// Beside the code, where only those can write who can change that too. Its default is a name in the temporary folder
// that anybody may have taken first, and what is found compiled is run. Where it can't be written there is none.
module.enableCompileCache(join(import.meta.dirname, '../../.compile-cache'));
// Who read a pipe may be gone, as `| head` is: nobody is left to be told, and what is in hand is finished all the same.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}
const { runCommandLine } = await import('./program.ts');
process.exitCode = await runCommandLine(process.argv, process.env);
await Promise.all([written(process.stdout), written(process.stderr)]);
// All is done and said. What still keeps the process alive, such as an interval that a trigger file began or a client
// that it opened, gets a moment to come to its end; with nothing left Node ends before this fires.
setTimeout(() => process.exit(), 2_000).unref();

/** Waits until a slow reader of a pipe has taken all that was written. */
async function written(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.writableLength === 0 || stream.destroyed) return;
  await new Promise<void>((resolve) => {
    stream.write('', () => resolve());
  });
}
