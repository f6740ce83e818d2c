import { writeFile } from 'node:fs/promises';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { storeEvents } from '../../../../src/db/events.ts';
import { createLogger } from '../../../../src/runtime/logger.ts';
import { createMetrics } from '../../../../src/runtime/metrics.ts';
import { createReporter } from '../../../../src/runtime/report.ts';
import type { IsolatedEvaluator } from '../../../../src/watcher/evaluator/isolated.ts';
import { isolatedEvaluator } from '../../../../src/watcher/evaluator/isolated.ts';
import { createDatabase, emptyTables } from '../../../support/database.ts';
import { errorEvent } from '../../../support/events.ts';
import { runHere } from '../../../support/run.ts';
import { alertsByTrigger, blocks, outbox, triggerFile } from '../../../support/watcher.ts';

const { pool } = await createDatabase();
beforeEach(() => emptyTables(pool));

const PATIENCE = { loading: 60_000, page: 2_000, issue: 2_000 };
const ISSUES = ['a', 'b', 'c', 'd'];

const happen = (issues = ISSUES) =>
  storeEvents(
    pool,
    issues.map((groupId) => errorEvent({ groupId, message: groupId })),
  );

/** A trigger that notifies of each issue, and does harm first. */
const harming = (harm: string, name = 'Harms') =>
  `{ name: '${name}', emails: ['ann@example.com'], evaluate: async (issue) => { ${harm}; return { notify: true, because: 'so' }; } }`;
const ONE_OTHER = harming('', 'Other');

interface Isolated {
  readonly evaluator: IsolatedEvaluator;
  readonly log: () => string;
}

async function isolate(file: string, patience = PATIENCE): Promise<Isolated> {
  const lines: string[] = [];
  const destination = { write: (line: string) => lines.push(line) };
  const logger = createLogger({ format: 'compose', level: 'WARNING', name: 'test', destination });
  const reporter = await createReporter(logger, undefined, 'test');
  const options = {
    configured: { file, alertEmails: [] },
    environment: process.env,
    patience,
  };
  const never = new AbortController().signal;
  const evaluator = await isolatedEvaluator(
    { logger, reporter, metrics: createMetrics(logger, { host: undefined, port: 8125 }) },
    options,
    never,
  );
  onTestFinished(() => evaluator.close());
  return { evaluator, log: () => lines.join('') };
}

async function failures(): Promise<string[]> {
  const { rows } = await pool.query<{ failure: string }>(
    `SELECT trigger || ' ' || group_id || ': ' || last_error AS failure
     FROM failed_evaluations JOIN issues ON issues.id = issue_id ORDER BY trigger, group_id`,
  );
  return rows.map(({ failure }) => failure);
}

const LATER = 'await new Promise((resolve) => setTimeout(resolve, 1_000))';
const HARM: Readonly<Record<string, readonly [code: string, error: RegExp]>> = {
  'a loop': ['for (;;);', /did not return control within 2 s/],
  'a regular expression that backtracks': [
    "/^(\\w+\\s?)+$/.test('x'.repeat(60) + '!')",
    /did not return control within 2 s/,
  ],
  'a wait in the operating system': [
    "(await import('node:child_process')).execFileSync('/bin/sleep', ['600'])",
    /did not return control within 2 s/,
  ],
  'an exit': ['process.exit(0)', /its process ended \(exit code 0\)/],
  'a signal to itself': ["process.kill(process.pid, 'SIGKILL')", /its process ended \(signal SIGKILL\)/],
  'a throw in a timer': [
    `setTimeout(() => { throw new Error('bang'); }, 10); ${LATER}`,
    /thrown outside of evaluate, in a timer or an event: bang/,
  ],
  'an emitter without a listener': [
    `new (await import('node:events')).EventEmitter().emit('error', new Error('unheard')); ${LATER}`,
    /unheard/,
  ],
  'a request that fails': [
    `(await import('node:http')).get('http://127.0.0.1:1/'); ${LATER}`,
    /thrown outside of evaluate, in a timer or an event: connect ECONNREFUSED/,
  ],
};

describe('a trigger’s fault on one issue', () => {
  it.each(Object.keys(HARM).filter((name) => name !== 'an emitter without a listener'))(
    'costs that evaluation only: %s',
    async (name) => {
      const [code = '', error = /^$/] = HARM[name] ?? [];
      await happen();
      const { evaluator, log } = await isolate(
        await triggerFile(
          `[${ONE_OTHER}, ${harming(`if (issue.groupId === 'b') { ${code} }`)}, ${harming('', 'Last')}]`,
        ),
      );
      const outcome = await runHere(pool, [], { evaluator });
      expect(await alertsByTrigger(pool)).toEqual({ Other: ISSUES, Harms: ['a', 'c', 'd'], Last: ISSUES });
      expect(outcome).toMatchObject({ alerts: 11, failures: 1 });
      expect(await failures()).toEqual([expect.stringMatching(/^Harms b: /)]);
      expect((await failures())[0]).toMatch(error);
      expect(log()).toMatch(/a trigger ended the process of the triggers; .*trigger=Harms/);
    },
  );

  it('is nothing at all in messages that it sends itself', async () => {
    await happen();
    const { evaluator } = await isolate(
      await triggerFile(`[${harming("process.send('ready'); process.send({ type: 'x' })")}]`),
    );
    await runHere(pool, [], { evaluator });
    expect(await alertsByTrigger(pool)).toEqual({ Harms: ISSUES });
  });

  it('costs its alert only, in a subject that is not text', async () => {
    await happen();
    const subject = `subject: (alert) => alert.issue.groupId === 'b' ? Promise.resolve('x') : 'x'`;
    const file = await triggerFile(
      `[{ name: 'Harms', emails: ['ann@example.com'], ${subject}, evaluate: () => ({ notify: true, because: 'so' }) }]`,
    );
    const { evaluator } = await isolate(file);
    await runHere(pool, [], { evaluator });
    expect(await alertsByTrigger(pool)).toEqual({ Harms: ['a', 'c', 'd'] });
    expect(await failures()).toEqual(['Harms b: subject must return text, and returned object']);
  });

  it('is only a failed evaluation if evaluate can throw it', async () => {
    await happen();
    const [code = ''] = HARM['an emitter without a listener'] ?? [];
    const { evaluator, log } = await isolate(await triggerFile(`[${harming(code)}, ${ONE_OTHER}]`));
    await runHere(pool, [], { evaluator });
    expect(await alertsByTrigger(pool)).toEqual({ Other: ISSUES });
    expect(await failures()).toHaveLength(4);
    expect(log()).not.toContain('ended the process');
  });

  it('costs its alert only, in a subject or a template', async () => {
    await happen();
    const subject = `subject: (alert) => { if (alert.issue.groupId === 'b') process.exit(1); return 'x'; }`;
    const file = await triggerFile(
      `[{ name: 'Harms', emails: ['ann@example.com'], ${subject}, evaluate: (issue) => issue.groupId === 'b' ? { notify: true, because: 'so' } : { notify: false } }, ${ONE_OTHER}]`,
    );
    const { evaluator } = await isolate(file);
    await runHere(pool, [], { evaluator });
    expect(await alertsByTrigger(pool)).toEqual({ Other: ISSUES });
    expect(await failures()).toEqual([expect.stringMatching(/^Harms b: its process ended \(exit code 1\)/)]);
  });

  it('is retried in the next run, and succeeds if it was passing', async () => {
    await happen(['a', 'b']);
    const file = await triggerFile(
      `[${harming("const { existsSync } = await import('node:fs'); if (issue.groupId === 'b' && !existsSync(import.meta.filename + '.fixed')) process.exit(1)")}]`,
    );
    const { evaluator } = await isolate(file);
    await runHere(pool, [], { evaluator });
    expect(await alertsByTrigger(pool)).toEqual({ Harms: ['a'] });
    await writeFile(`${file}.fixed`, '');
    await runHere(pool, [], { evaluator });
    expect(await alertsByTrigger(pool)).toEqual({ Harms: ['a', 'b'] });
    expect(await failures()).toEqual([]);
  });
});

describe('a trigger that is slow, and not at fault', () => {
  it('evaluates a page issue by issue when the page takes too long', async () => {
    await happen();
    const slow = blocks(700);
    const { evaluator } = await isolate(await triggerFile(`[${harming(slow)}]`));
    for (let run = 0; run < 3; run += 1) {
      const outcome = await runHere(pool, [], { evaluator });
      expect(outcome.failures).toBe(0);
      await happen();
    }
    expect((await outbox(pool)).length).toBe(12);
    expect(evaluator.leftOut).toEqual([]);
  });

  it('does not pay for an error in a timer of another trigger', async () => {
    await happen();
    // By what happens and not by the clock: on a busy machine the first trigger may take long.
    const later = `setInterval(() => { if (globalThis.innocent) throw new Error('too late'); }, 10)`;
    const innocent = `globalThis.innocent = true; ${LATER}`;
    const { evaluator, log } = await isolate(
      await triggerFile(`[${harming(later)}, ${harming(innocent, 'Innocent')}, ${harming('', 'Last')}]`),
    );
    await runHere(pool, [], { evaluator });
    expect(await alertsByTrigger(pool)).toEqual({ Harms: ISSUES, Innocent: ISSUES, Last: ISSUES });
    expect(await failures()).toEqual([]);
    expect(log()).toMatch(/a trigger ended the process of the triggers; .*too late/);
  });
});

describe('a trigger that ends its process again and again', () => {
  const always = async () =>
    await isolate(await triggerFile(`[${harming('process.exit(3)')}, ${ONE_OTHER}]`));

  it('is ended three times in a run, and all its evaluations failed', async () => {
    const many = Array.from({ length: 20 }, (_, index) => `i${String(index).padStart(2, '0')}`);
    await happen(many);
    const { evaluator, log } = await always();
    await runHere(pool, [], { evaluator });
    expect(await alertsByTrigger(pool)).toEqual({ Other: many });
    expect(await failures()).toHaveLength(20);
    expect((await failures()).at(-1)).toContain('ended its process 3 times in this run');
    expect(log().match(/its evaluation of this issue failed/g)).toHaveLength(3);
  });

  it('is left out after three runs in a row, loudly, and the others go on', async () => {
    const { evaluator, log } = await always();
    for (let run = 1; run <= 4; run += 1) {
      await happen(['a']);
      await runHere(pool, [], { evaluator });
      expect(evaluator.leftOut.map(({ name }) => name)).toEqual(run < 3 ? [] : ['Harms']);
    }
    expect(log()).toContain('trigger "Harms" is left out until the watcher is started again');
    expect(await alertsByTrigger(pool)).toEqual({ Other: ['a', 'a', 'a', 'a'] });
    // They are kept for the next start, and so is its progress.
    expect(await failures()).toHaveLength(1);
    await happen(['missed']);
    await runHere(pool, [], { evaluator });
    const { rows } = await pool.query(
      'SELECT trigger FROM trigger_progress WHERE left_out_since IS NOT NULL',
    );
    expect(rows).toEqual([{ trigger: 'Harms' }]);
    const fixed = await isolate(await triggerFile(`[${harming('')}, ${ONE_OTHER}]`));
    await runHere(pool, [], { evaluator: fixed.evaluator });
    expect((await alertsByTrigger(pool)).Harms).toEqual(['a', 'missed']);
  });

  it('is not left out if a run in between is fine', async () => {
    const { evaluator } = await isolate(
      await triggerFile(`[${harming("if (issue.groupId === 'b') process.exit(3)")}, ${ONE_OTHER}]`),
    );
    for (const issues of [['b'], ['b'], ['a'], ['b'], ['b']]) {
      await happen(issues);
      await pool.query('DELETE FROM failed_evaluations');
      await runHere(pool, [], { evaluator });
    }
    expect(evaluator.leftOut).toEqual([]);
  });
});

describe('the trigger file', () => {
  it('that changed since the start fails the run that needs a new process, and says so', async () => {
    await happen();
    const file = await triggerFile(`[${harming("if (issue.groupId === 'b') process.exit(1)")}]`);
    const { evaluator } = await isolate(file);
    await writeFile(file, `export default [${harming('', 'Renamed')}];`);
    for (let run = 0; run < 3; run += 1) {
      await expect(runHere(pool, [], { evaluator })).rejects.toThrow('the trigger file was changed since');
    }
    expect(await outbox(pool)).toEqual([]);
  });

  it('that waits forever while it is loaded is a mistake', async () => {
    const file = await triggerFile('await new Promise(() => {})');
    await expect(isolate(file, { ...PATIENCE, loading: 3_000 })).rejects.toThrow(
      'it did not load within 9 s',
    );
  });

  it('that never loads is a mistake, and so is one that ends its process', async () => {
    const dependencies = await isolate(await triggerFile('[]')).then(() =>
      triggerFile('(() => { process.exit(0); })()'),
    );
    await expect(isolate(dependencies)).rejects.toThrow(
      "it can't be loaded: its process ended (exit code 0)",
    );
  });
});

it('a run’s session ends if its watcher is frozen in the middle of it', async () => {
  await happen();
  const { evaluator } = await isolate(await triggerFile(`[${ONE_OTHER}]`));
  let limit: unknown;
  await runHere(pool, [], {
    evaluator,
    inspect: async (tx) => {
      const { rows } = await tx.query<{ limit: string }>({
        text: `SELECT current_setting('idle_in_transaction_session_timeout') AS limit`,
      });
      limit = rows[0]?.limit;
    },
  });
  expect(limit).toBe('5min');
});
