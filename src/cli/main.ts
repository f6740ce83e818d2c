#!/usr/bin/env node
import { existsSync } from 'node:fs';
import module from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

// This check comes before anything else is loaded. An old Node would otherwise fail on newer syntax or on a missing
// export of its own modules, far from the cause.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  const installed = join(dirname(fileURLToPath(import.meta.url)), '../../node_modules/.bin/node');
  const advice = existsSync(installed) ? `; npm ci installed a newer one, so start it with ${installed}` : '';
  process.stderr.write(
    `bec-alerts needs Node 22.18 or newer, but this is Node ${process.version}${advice}\n`,
  );
  process.exit(2);
}
// The compile cache is next to the code, where only people who can change the code can write. Node's default is a
// fixed name in the temporary folder. Anybody could create that folder first, and Node would run the compiled code
// found in it. If the cache can't be written, Node runs without it.
module.enableCompileCache(join(import.meta.dirname, '../../.compile-cache'));
// The reader of a pipe may be gone, such as `| head`. That is not an error: the command finishes its work.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}
const { runCommandLine } = await import('./program.ts');
process.exitCode = await runCommandLine(process.argv, process.env);
await Promise.all([written(process.stdout), written(process.stderr)]);
// The command is done and its output is flushed. Timers and clients that a trigger file left open could still keep the
// process alive: they get two seconds. If nothing is left open, Node ends before this timer fires.
setTimeout(() => process.exit(), 2_000).unref();

/** Waits until a slow reader of a pipe has read everything. */
async function written(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.writableLength === 0 || stream.destroyed) return;
  await new Promise<void>((resolve) => {
    stream.write('', () => resolve());
  });
}
