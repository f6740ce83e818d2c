import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import type { Drain } from './drain.ts';
import { processorDrain, rawDrain } from './drains.ts';
import type { Lag } from './lag.ts';
import { lagAt } from './lag.ts';
import type { LargeDatabase, Results } from './processor-report.ts';
import { median, report } from './processor-report.ts';
import type { Stand } from './stand.ts';
import { startStand } from './stand.ts';
import { storeIssues } from './stored.ts';
import { upsertRate } from './upsert.ts';

const RECYCLED_AFTER = 200;
const HOT_WORKERS = 8;
const HELP = `npm run bench -- [processor] [options]

  --count N      messages in each drain (default 10000)
  --issues N     issues that they are drawn from, by Zipf's law (default 2000)
  --rounds N     rounds of the three drains; the median counts (default 3)
  --processes N  worker processes (default: the number of cores)
  --stored N     issues with 7 buckets each in the large database; 0 skips it
                 (default 1000000)
  --json         print JSON instead of a table
  --help         show this help`;

export async function benchProcessor(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      count: { type: 'string', default: '10000' },
      issues: { type: 'string', default: '2000' },
      rounds: { type: 'string', default: '3' },
      processes: { type: 'string', default: String(availableParallelism()) },
      stored: { type: 'string', default: '1000000' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const say = (line: string) => console.error(line);
  const stand = await startStand(say);
  try {
    const results = await measure(stand, {
      count: Number(values.count),
      issues: Number(values.issues),
      rounds: Number(values.rounds),
      processes: Number(values.processes),
      stored: Number(values.stored),
      say,
    });
    console.log(values.json ? JSON.stringify(results, null, 2) : report(results));
  } finally {
    await stand.close();
  }
}

interface Options {
  readonly count: number;
  readonly issues: number;
  readonly rounds: number;
  readonly processes: number;
  readonly stored: number;
  readonly say: (line: string) => void;
}

async function measure(stand: Stand, options: Options): Promise<Results> {
  const { count, issues, rounds, processes, stored, say } = options;
  const logged = (drain: Drain): Drain => {
    say(`${drain.name}: ${Math.round(drain.messagesPerSecond)} messages/s`);
    return drain;
  };
  const drains = { raw: [] as Drain[], kept: [] as Drain[], recycled: [] as Drain[] };
  for (let round = 1; round <= rounds; round += 1) {
    const plan = (name: string) => ({
      name: `${name}_${round}`,
      load: { count, issues, seed: round },
      processes,
    });
    drains.raw.push(logged(await rawDrain(stand, plan('raw'))));
    drains.kept.push(logged(await processorDrain(stand, plan('kept'))));
    drains.recycled.push(logged(await processorDrain(stand, plan('recycled'), RECYCLED_AFTER)));
  }
  const hot = (name: string, of: number) =>
    processorDrain(stand, { name, load: { count, issues: of, seed: 7 }, processes: HOT_WORKERS });
  const spread = logged(await hot('eight_workers_many_issues', issues));
  const oneIssue = logged(await hot('eight_workers_one_issue', 1));
  const half = median(drains.kept.map((drain) => drain.messagesPerSecond)) / 2;
  const lags: Lag[] = [await lagAt(stand, half, { processes, messageCount: 100_000_000 })];
  const upserts = await upsertRate(stand, processes);
  const large = stored === 0 ? null : await largeDatabase(stand, options, logged);
  return {
    ...drains,
    spread,
    oneIssue,
    lags,
    upserts,
    large,
    options: { count, issues, rounds, processes, stored },
  };
}

/**
 * Stores the same messages, drawn from a million issues, in an empty database and in one that has all of these issues
 * already. Few messages belong to one issue, so more rows are written than in the other drains.
 */
async function largeDatabase(
  stand: Stand,
  { count, processes, stored, say }: Options,
  logged: (drain: Drain) => Drain,
): Promise<LargeDatabase> {
  const plan = (name: string) => ({ name, load: { count, issues: stored, seed: 1 }, processes });
  const empty = logged(await processorDrain(stand, plan('empty')));
  const place = await stand.place('large');
  say(`storing ${stored} issues with seven buckets each`);
  await storeIssues(place.databaseUrl, stored);
  return { empty, large: logged(await processorDrain(stand, plan('large'), undefined, place)) };
}
