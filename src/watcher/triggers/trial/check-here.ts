import { resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { isEmail } from '../../../config/is-email.ts';
import type { Trigger } from '../../../domain/trigger.ts';
import { importTriggers, TriggerFileError } from '../file.ts';
import { labelOf, loadTriggers, templateDirectory } from '../load.ts';
import type { CheckReport } from './check-protocol.ts';
import { listed } from './check-protocol.ts';
import { placeOfFunction } from './function-place.ts';
import { tryOut } from './try-out.ts';

type Report = (message: CheckReport) => void;

/** Loads a trigger file, and tries each of its triggers on made-up issues: disabled ones and wrong ones too. */
export async function checkHere(file: string, report: Report): Promise<void> {
  const candidates = await orReport(importTriggers(file), report);
  const loaded = await orReport(loadTriggers(candidates, file, templateDirectory(file), isEmail), report);
  for (const [index, candidate] of candidates.entries()) {
    if (!canBeTried(candidate)) continue;
    const label = labelOf(candidate, index);
    const place = placeOfFunction(candidate.evaluate);
    report({ type: 'trying', label, place });
    const mistakes = await tryOut(candidate, { file: resolve(file), evaluate: place });
    report({ type: 'mistakes', mistakes: mistakes.map((mistake) => `${label}: ${mistake}`) });
    // A promise that it forgot may be rejected now, while it is clear whose it is.
    await setImmediate();
  }
  report({ type: 'done', triggers: loaded.map(listed) });
}

/** Where the work finds mistakes, they are reported, and the checks go on with nothing of it. */
async function orReport<T>(work: Promise<readonly T[]>, report: Report): Promise<readonly T[]> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof TriggerFileError)) throw error;
    report({ type: 'mistakes', mistakes: error.mistakes });
    return [];
  }
}

function canBeTried(candidate: unknown): candidate is Trigger {
  if (typeof candidate !== 'object' || candidate === null) return false;
  const { evaluate, emails } = candidate as Partial<Trigger>;
  return typeof evaluate === 'function' && Array.isArray(emails);
}
