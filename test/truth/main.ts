import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { LocalPostgres } from '../../dev/postgres/local-postgres.ts';
import { startPostgres, uniqueDatabaseName } from '../../dev/postgres/local-postgres.ts';
import { migrate } from '../../src/db/migrate.ts';
import { createPool } from '../../src/db/pool.ts';
import { createLogger } from '../../src/runtime/logger.ts';
import { builtInTriggers } from '../../src/triggers/index.ts';
import { importTriggers } from '../../src/watcher/triggers/file.ts';
import { HISTORIES } from './histories.ts';
import type { History } from './history.ts';
import { replay } from './replay.ts';
import { comparisonOf, shortfalls, tableOf } from './report.ts';
import { alertsOfRule, RULES } from './rules.ts';
import type { Score } from './score.ts';
import { score, totals } from './score.ts';
import { eventsOf } from './stream.ts';

const RECOMMENDED = fileURLToPath(new URL('../../docs/examples/recommended.ts', import.meta.url));
/** As many as the cores of a small machine. */
const AT_A_TIME = 2;
const USAGE = `npm run truth -- [--triggers FILE | --built-in] [--only TEXT] [--explain]

Replays the histories of test/truth/ and prints which issues a person was notified of.

  --triggers FILE  the trigger file (default: docs/examples/recommended.ts)
  --built-in       the triggers that run without a trigger file
  --only TEXT      only histories with this text in their names
  --explain        also print each alert`;

const { values } = parseArgs({
  options: {
    triggers: { type: 'string', default: RECOMMENDED },
    'built-in': { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    explain: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) print(USAGE);
else process.exitCode = await main();

async function main(): Promise<number> {
  const triggers = values['built-in']
    ? builtInTriggers(['oncall@example.com'])
    : await importTriggers(values.triggers);
  const histories = HISTORIES.filter(({ name }) => name.includes(values.only));
  const scores = await replayAll(histories, triggers);
  const rules = RULES.map((rule) => {
    const ofHistory = (history: History) => {
      const events = eventsOf(history);
      return score(history, events, alertsOfRule(rule, events));
    };
    return [rule.name, histories.map(ofHistory)] as const;
  });
  print(`${tableOf(scores)}\n\n${comparisonOf([['these triggers', scores], ...rules])}`);
  const missed = shortfalls(totals(scores));
  for (const reason of missed) print(`NOT REACHED: ${reason}`);
  return missed.length > 0 ? 1 : 0;
}

/** Each history has a database of its own. */
async function replayAll(histories: readonly History[], triggers: readonly unknown[]): Promise<Score[]> {
  const postgres = await startPostgres({ databaseUrl: process.env.DATABASE_URL, say: () => undefined });
  const template = uniqueDatabaseName('bec_alerts_truth');
  try {
    const logger = createLogger({ format: 'compose', level: 'WARNING', name: 'truth' });
    await migrate({ connectionString: await postgres.createDatabase(template) }, 0, logger);
    const scores: Score[] = [];
    const shares = histories.map(() => 0);
    const waiting = [...histories.entries()];
    const work = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [index, history] = next;
        scores[index] = await replayOne(postgres, template, history, triggers, (share) => {
          shares[index] = share;
          showProgress(shares);
        });
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
    return scores;
  } finally {
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
    await postgres.dropDatabase(template);
    await postgres.close();
  }
}

async function replayOne(
  postgres: LocalPostgres,
  template: string,
  history: History,
  triggers: readonly unknown[],
  progress: (share: number) => void,
): Promise<Score> {
  const name = uniqueDatabaseName('bec_alerts_truth');
  const pool = createPool({
    connectionString: await postgres.createDatabase(name, template),
    applicationName: 'bec-alerts truth',
    max: 2,
    statementTimeoutMilliseconds: 60_000,
    onIdleError: () => undefined,
  });
  try {
    const events = eventsOf(history);
    const scored = score(history, events, await replay(pool, history, events, triggers, progress));
    if (values.explain) {
      for (const { issue, at, by, because } of scored.alerts) {
        print(`${new Date(at).toISOString()} ${history.name} / ${issue}: ${by}, because ${because}`);
      }
    }
    return scored;
  } finally {
    await pool.end();
    await postgres.dropDatabase(name);
  }
}

function showProgress(shares: readonly number[]): void {
  if (!process.stderr.isTTY) return;
  const done = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  const bar = '█'.repeat(Math.round(done * 40)).padEnd(40, '░');
  process.stderr.write(`\r${bar} ${Math.round(done * 100)} %`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
