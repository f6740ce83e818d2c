import { setTimeout as timer } from 'node:timers/promises';
import { asError } from './errors.ts';
import type { Logger } from './logger.ts';

interface Step {
  readonly name: string;
  readonly run: () => Promise<void>;
}

const STEP_MILLISECONDS = 5_000;
/** All steps together, so that a stop ends before its orchestrator kills the process, however many steps are stuck. */
const STUCK_STEPS = 3;
/** Each step gets at least this long, even after others have used the time up. Most steps need less. */
const LEAST_MILLISECONDS = 200;
/** How long closing takes at most by default, but for `LEAST_MILLISECONDS` of each further step. */
export const CLOSING_MILLISECONDS = STUCK_STEPS * STEP_MILLISECONDS;

/** Closes resources at the end: named steps, last in first out, each with a time limit, and all with three times it. */
export class Teardown {
  readonly #steps: Step[] = [];
  readonly #logger: Logger;
  readonly #stepMilliseconds: number;

  constructor(logger: Logger, stepMilliseconds = STEP_MILLISECONDS) {
    this.#logger = logger;
    this.#stepMilliseconds = stepMilliseconds;
  }

  add(name: string, run: () => Promise<void>): void {
    this.#steps.push({ name, run });
  }

  /** Runs every step, even if others fail. A step that fails or takes too long is logged. */
  async run(): Promise<void> {
    const deadline = performance.now() + STUCK_STEPS * this.#stepMilliseconds;
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      const overdue = new AbortController();
      const limit = Math.min(
        this.#stepMilliseconds,
        Math.max(deadline - performance.now(), LEAST_MILLISECONDS),
      );
      try {
        await Promise.race([
          step.run(),
          timer(limit, undefined, { signal: overdue.signal }).then(() => {
            throw new Error(`took longer than ${Math.round(limit)} ms`);
          }),
        ]);
      } catch (thrown) {
        this.#logger.warning(`closing ${step.name} failed`, { error: asError(thrown) });
      } finally {
        overdue.abort();
      }
    }
  }
}
