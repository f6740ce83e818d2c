import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

// Loaded into each daemon of a soak run, and into its children, before their own code. It collects the garbage, and writes
// the size of what is left. Resident memory can't show a leak: it has garbage in it, and memory that V8 and malloc keep.
const EVERY_MILLISECONDS = 10_000;
const { SOAK_HEAPS: folder } = process.env;
if (isMainThread && folder !== undefined) {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  setInterval(() => {
    collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    writeFileSync(join(folder, String(process.pid)), String(heapUsed + external));
  }, EVERY_MILLISECONDS).unref();
}
