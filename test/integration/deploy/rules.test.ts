import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createLogger } from '../../../src/runtime/logger.ts';
import { createPrometheus } from '../../../src/runtime/prometheus.ts';
import { RULES, rules } from '../../support/alert-rules.ts';
import { folderOf, promtool } from '../../support/promtool.ts';

const FOLDER = fileURLToPath(new URL('../../../deploy/prometheus', import.meta.url));
const TESTS = readFileSync(`${FOLDER}/bec-alerts.rules.test.yml`, 'utf8');

describe('the alert rules', () => {
  it('are rules for Prometheus', async () => {
    const { ok, text } = await promtool(['check', 'rules', 'bec-alerts.rules.yml'], { cwd: FOLDER });
    expect({ ok, text }).toEqual({
      ok: true,
      text: expect.stringContaining(`SUCCESS: ${rules.length} rules found`),
    });
  });

  it('are used by the scrape configuration of the README', async () => {
    const [, config = ''] = /```yaml\n([^`]*)```/.exec(readFileSync(`${FOLDER}/README.md`, 'utf8')) ?? [];
    const cwd = await folderOf({ 'prometheus.yml': config, 'bec-alerts.rules.yml': RULES });
    const { ok, text } = await promtool(['check', 'config', 'prometheus.yml'], { cwd });
    expect({ ok, text }).toEqual({
      ok: true,
      text: expect.stringContaining(`SUCCESS: ${rules.length} rules found`),
    });
  });

  it('pass their own tests', async () => {
    const { ok, text } = await promtool(['test', 'rules', 'bec-alerts.rules.test.yml'], { cwd: FOLDER });
    expect({ ok, text }).toEqual({ ok: true, text: expect.stringContaining('SUCCESS') });
  });

  it('are tested so that a rule which never fires, or always, fails its test', async () => {
    const failedWith = async (condition: string) => {
      const changed = RULES.replaceAll(/^ {8}expr: \|-\n/gm, `$&          ${condition}\n`);
      const cwd = await folderOf({ 'bec-alerts.rules.yml': changed, 'test.yml': TESTS });
      const { ok, text } = await promtool(['test', 'rules', 'test.yml'], { cwd });
      expect({ ok, text }).toEqual({ ok: false, text: expect.stringContaining('FAILED') });
      return new Set([...text.matchAll(/alertname: (\w+)/g)].map(([, name]) => name));
    };
    const all = new Set(rules.map(({ alert }) => alert));
    expect(await failedWith('vector(0) == 1 and')).toEqual(all);
    expect(await failedWith('vector(1) or')).toEqual(all);
  });
});

describe('the dashboard', () => {
  it('has queries that Prometheus understands', async () => {
    const file = new URL('../../../deploy/grafana/dashboard.json', import.meta.url);
    const queries: string[] = JSON.parse(readFileSync(file, 'utf8')).panels.flatMap(
      ({ targets }: { targets: { expr: string }[] }) => targets.map(({ expr }) => expr),
    );
    // As rules that record them, with a value for Grafana's variable.
    const recorded = queries.map((expr, index) => ({
      record: `query_${index}`,
      expr: expr.replaceAll('$__rate_interval', '5m'),
    }));
    const check = async (more: object[]) => {
      const groups = [{ name: 'dashboard', rules: [...recorded, ...more] }];
      const cwd = await folderOf({ 'rules.yml': JSON.stringify({ groups }) });
      return await promtool(['check', 'rules', 'rules.yml'], { cwd });
    };
    expect(await check([])).toEqual({
      ok: true,
      text: expect.stringContaining(`SUCCESS: ${queries.length} rules found`),
    });
    expect(await check([{ record: 'wrong', expr: 'rate(x[5m)' }])).toMatchObject({ ok: false });
  });
});

describe('the page of metrics', () => {
  it.each(['processor', 'watcher'] as const)('of the %s has no fault that promtool finds', async (daemon) => {
    const destination = { write: () => {} };
    const logger = createLogger({ format: 'mozlog', level: 'DEBUG', name: 'test', destination });
    const { text: page } = await createPrometheus(daemon, '1.2.3', logger).page();
    const faultsOf = async (input: string) => {
      const { ok, text } = await promtool(['check', 'metrics'], { input });
      // Node's own metrics have names that Prometheus advises against.
      return ok ? [] : text.split('\n').filter((line) => !/^(nodejs|process)_/.test(line));
    };
    expect(page).toMatch(/^bec_alerts_/m);
    expect(await faultsOf(page)).toEqual([]);
    expect(await faultsOf(`${page}\nx_total{ 1\n`)).not.toEqual([]);
  });
});
