import { parseArgs } from 'node:util';
import { measureDay } from './scale/day.ts';
import { measureProcessors } from './scale/processors.ts';
import type { Stand } from './stand.ts';
import { startStand } from './stand.ts';

const HELP = `npm run bench scale -- [processors|day] [options]

Without a part it measures both. scale.md says how, and has results.

processors: one Postgres, and more and more processors, each a process with one worker
  --processors N,N,…      how many (default 1,2,4,8)
  --count N               messages in each drain (default 40000)
  --drain-issues N        issues that they are drawn from, by Zipf's law (default 2000)
  --message-count N       messages after which a worker is replaced (default: never)

day: a part of a day at a steady rate, in a database as earlier days leave it
  --issues N              issues, all of them known (default 1000000)
  --events-per-second N   (default 1000)
  --hours N               hours of the day that are simulated (default 4)
  --kept-days N           of the eight days of hours, those that are stored (default 1)
  --sample N              events of each hour that are really stored (default 8000)
  --prune-hours N         hours of the day whose pruning is measured (default 2)

  --json                  print the measured numbers of the day too
  --help                  show this help`;

const PARTS = ['processors', 'day'];

/** Measures how far bec-alerts scales, and the database after a day at a high rate. */
export async function benchScale(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      processors: { type: 'string', default: '1,2,4,8' },
      count: { type: 'string', default: '40000' },
      'drain-issues': { type: 'string', default: '2000' },
      'message-count': { type: 'string', default: '100000000' },
      issues: { type: 'string', default: '1000000' },
      'events-per-second': { type: 'string', default: '1000' },
      hours: { type: 'string', default: '4' },
      'kept-days': { type: 'string', default: '1' },
      sample: { type: 'string', default: '8000' },
      'prune-hours': { type: 'string', default: '2' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const parts = positionals.length === 0 ? PARTS : positionals;
  const numbers = (text: string) => text.split(',').map(Number);
  const number = (text: string) => numbers(text)[0] ?? Number.NaN;
  const given = Object.values(values).filter((value) => typeof value === 'string');
  const wrong = given.some((text) => numbers(text).some((one) => !Number.isInteger(one) || one < 1));
  if (wrong || parts.some((part) => !PARTS.includes(part))) throw new Error(HELP);

  const say = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`);
  await withStand(say, async (stand) => {
    if (parts.includes('processors')) {
      const options = {
        processors: numbers(values.processors),
        count: number(values.count),
        issues: number(values['drain-issues']),
        messageCount: number(values['message-count']),
        say,
      };
      console.log(`${await measureProcessors(stand, options)}\n`);
    }
    if (parts.includes('day')) {
      const options = {
        issues: number(values.issues),
        eventsPerSecond: number(values['events-per-second']),
        hours: number(values.hours),
        keptDays: number(values['kept-days']),
        sample: number(values.sample),
        pruneHours: number(values['prune-hours']),
        json: values.json,
        say,
      };
      console.log(await measureDay(stand, options));
    }
  });
}

/** Ctrl-C closes the servers. The work fails without them, and removes its files as it does. */
async function withStand(say: (line: string) => void, work: (stand: Stand) => Promise<void>): Promise<void> {
  const stand = await startStand(say);
  let interrupted = false;
  const interrupt = () => {
    interrupted = true;
    say('interrupted: removing the database');
    void stand.close();
  };
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  try {
    await work(stand);
  } catch (error) {
    if (!interrupted) throw error;
    process.exitCode = 130;
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
    await stand.close();
  }
}
