import { backoff, pause } from '../../runtime/loop.ts';

const FIRST_PAUSE_MILLISECONDS = 1_000;
const LONGEST_PAUSE_MILLISECONDS = 300_000;
/** After this many failures in a row, of any alerts, SES itself counts as failing. */
const PATIENCE = 3;
/** Emails per second in SES's sandbox. */
const SANDBOX_RATE = 1;
const ASK_AGAIN_MILLISECONDS = 300_000;

/** Decides when the next email may be sent: at the account's rate, and not during a pause. */
export interface SendRate {
  /** Waits until the next email may be sent. */
  turn(signal: AbortSignal): Promise<void>;
  /** Milliseconds until sending continues; 0 or less if it isn't paused. */
  pausedFor(): number;
  /** Call this after SES accepted or refused an email. */
  answered(): void;
  /** Call this after SES throttled an email. @returns the length of the pause in milliseconds */
  throttled(): number;
  /** Call this after SES failed or could not be reached. After three times in a row sending is paused. */
  failed(): void;
}

/**
 * @param emailsPerSecond called once, before the first email. Returns null if SES doesn't answer. Then it is called
 *   again after five minutes, and until then the rate is 1 a second, as in SES's sandbox
 */
export function createSendRate(
  emailsPerSecond: () => Promise<number | null>,
  random: () => number = Math.random,
  now: () => number = () => performance.now(),
): SendRate {
  let rate: number | null = null;
  let askAt = Number.NEGATIVE_INFINITY;
  let next = 0;
  let resume = 0;
  let throttles = 0;
  let failures = 0;
  const hold = (attempt: number) => {
    const wait = backoff(attempt, FIRST_PAUSE_MILLISECONDS, LONGEST_PAUSE_MILLISECONDS, random);
    resume = now() + wait;
    return wait;
  };
  return {
    async turn(signal) {
      if (rate === null && now() >= askAt) {
        askAt = now() + ASK_AGAIN_MILLISECONDS;
        rate = await emailsPerSecond();
      }
      await pause(Math.max(next, resume) - now(), signal);
      next = now() + 1_000 / (rate ?? SANDBOX_RATE);
    },
    pausedFor: () => resume - now(),
    answered() {
      throttles = 0;
      failures = 0;
    },
    throttled() {
      throttles += 1;
      return hold(throttles);
    },
    failed() {
      failures += 1;
      if (failures >= PATIENCE) hold(failures - PATIENCE + 1);
    },
  };
}
