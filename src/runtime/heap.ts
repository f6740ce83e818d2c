import { setFlagsFromString } from 'node:v8';

/**
 * Makes V8 collect garbage once the heap of old objects has grown by this much since the last collection, in percent. By
 * default the heap may grow to several times its size. Measured in a run over 100,000 issues: 140 MB instead of 200 MB in
 * the same time.
 */
const GROWTH_PERCENT = 60;

/** Keeps the heap of this process small. Call this once, at the start of a process that runs for long. */
export function keepHeapSmall(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
}
