import { setTimeout as timer } from 'node:timers/promises';
import { asError } from './errors.ts';
import type { Logger } from './logger.ts';

interface Step {
  readonly name: string;
  readonly run: () => Promise<void>;
}

/** Closes resources at the end: named steps, last in first out, each with a time limit. */
export class Teardown {
  readonly #steps: Step[] = [];
  readonly #logger: Logger;
  readonly #stepMilliseconds: number;

  constructor(logger: Logger, stepMilliseconds = 5_000) {
    this.#logger = logger;
    this.#stepMilliseconds = stepMilliseconds;
  }

  add(name: string, run: () => Promise<void>): void {
    this.#steps.push({ name, run });
  }

  /** Runs every step, even if others fail. A step that fails or takes too long is logged. */
  async run(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      const overdue = new AbortController();
      try {
        await Promise.race([
          step.run(),
          timer(this.#stepMilliseconds, undefined, { signal: overdue.signal }).then(() => {
            throw new Error(`took longer than ${this.#stepMilliseconds} ms`);
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
