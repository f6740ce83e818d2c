import { parseArgs } from 'node:util';
import { messageOf } from '../../src/runtime/errors.ts';
import { resultLines } from './result.ts';
import { MESSAGES_A_SECOND } from './send.ts';
import { soak } from './soak.ts';

const DEFAULT_MINUTES = 10;
const USAGE = `npm run soak -- [--minutes N] [--seed S]

Runs a processor and two watchers on a Postgres, an SQS and an SES of their own, with ${MESSAGES_A_SECOND} messages a second and faults.
Then compares the counts, the dead letters and the emails with the messages that were sent.

  --minutes N  how long the load and the faults last (default: ${DEFAULT_MINUTES})
  --seed S     a whole number; the same seed draws the same messages and the same faults (default: a random one)

In the second half of the time only workers and services fail. So the other processes live long, and a growing one shows:
its heap without garbage, its handles and its connections are compared over time. That needs 15 minutes or more.
Ctrl-C ends the load early and still compares. A second Ctrl-C ends at once.
Exit codes: 0 everything is exact, 1 something differs or failed, 2 wrong usage, 130 ended by a second Ctrl-C.`;

process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions();
  if (options === 'help') {
    print(USAGE);
    return 0;
  }
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n\n${USAGE}\n`);
    return 2;
  }
  const { minutes, seed } = options;
  const early = new AbortController();
  const abandoned = new AbortController();
  const interrupt = () => {
    if (early.signal.aborted) abandoned.abort();
    else print('ending early; press Ctrl-C again to end without results');
    early.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  print(`${minutes} minutes; to repeat it: npm run soak -- --minutes ${minutes} --seed ${seed}`);
  try {
    const signals = { early: early.signal, abandoned: abandoned.signal };
    const result = await soak({ seconds: minutes * 60, seed, say: print, ...signals });
    for (const line of resultLines(result)) print(line);
    print(`seed: ${seed}`);
    return result.differences.length === 0 ? 0 : 1;
  } catch (error) {
    if (abandoned.signal.aborted) return 130;
    process.stderr.write(`the soak run failed (seed ${seed}): ${messageOf(error)}\n`);
    return 1;
  }
}

function readOptions(): { readonly minutes: number; readonly seed: number } | 'help' | string {
  try {
    const { values } = parseArgs({
      options: { minutes: { type: 'string' }, seed: { type: 'string' }, help: { type: 'boolean' } },
    });
    if (values.help === true) return 'help';
    const minutes = Number(values.minutes ?? DEFAULT_MINUTES);
    const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000));
    if (!(minutes > 0 && minutes <= 24 * 60)) return '--minutes must be a number above 0, at most 1440';
    if (!Number.isSafeInteger(seed)) return '--seed must be a whole number';
    return { minutes, seed };
  } catch (error) {
    return messageOf(error);
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
