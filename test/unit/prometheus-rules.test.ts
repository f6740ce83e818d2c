import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { MetricOf } from '../../src/runtime/metric-list.ts';
import { COUNTERS, DISTRIBUTIONS, GAUGES, prometheusName, READINGS } from '../../src/runtime/metric-list.ts';
import { rules } from '../support/alert-rules.ts';
import { sentencesOf, wordsOf } from '../support/prose.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const keysOf = <T extends object>(list: T) => Object.keys(list) as (keyof T)[];
const known = new Set<string>([
  ...[...keysOf(COUNTERS), ...keysOf(GAUGES)].map(prometheusName),
  ...keysOf(DISTRIBUTIONS).map((name) => `${prometheusName(name)}_bucket`),
  ...keysOf(READINGS),
]);
/** The values of each label. */
const labels = new Map(
  [...Object.values(COUNTERS), ...Object.values(READINGS)].flatMap((metric: MetricOf) =>
    metric.label === undefined ? [] : [[metric.label, metric.values] as const],
  ),
);

describe('the alert rules for Prometheus', () => {
  it.each(rules.map((rule) => [rule.alert, rule] as const))('%s asks for metrics that exist', (_, rule) => {
    const names = rule.expr.match(/\b(bec_alerts_\w+|up\b)/g) ?? [];
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => name !== 'up' && !known.has(name))).toEqual([]);
    for (const [, label = '', values = ''] of rule.expr.matchAll(/(\w+)(?:=|!=|=~|!~)"([^"]*)"/g)) {
      if (label !== 'job') expect(labels.get(label)).toEqual(expect.arrayContaining(values.split('|')));
    }
  });

  it.each(rules.map((rule) => [rule.alert, rule] as const))('%s says what to do', (_, rule) => {
    expect(['page', 'warn']).toContain(rule.labels.severity);
    const { summary, description } = rule.annotations;
    const sentences = sentencesOf(`${summary}. ${description}`);
    expect(sentences.length).toBeGreaterThan(1);
    for (const sentence of sentences) expect(wordsOf(sentence).length, sentence).toBeLessThanOrEqual(25);
  });

  it('each have a test that it fires, and one that it does not', () => {
    const { tests } = parse(read('deploy/prometheus/bec-alerts.rules.test.yml'));
    const names = tests.map(({ name }: { name: string }) => name);
    const needed = rules.flatMap(({ alert }) => [`${alert} fires`, `${alert} does not fire`]);
    expect(names).toEqual(expect.arrayContaining(needed));
  });
});

describe('the table of alerts in docs/operations.md', () => {
  const rows = [
    ...read('docs/operations.md').matchAll(
      /^\| [^|]+ \| (page|warn) \| `(\w+)` \| (?:`([^`|]+)`|none: [^|]+) \|$/gm,
    ),
  ].map(([, severity, rule, monitor]) => ({ severity, rule, monitor }));

  it('has each rule of Prometheus once, with its severity', () => {
    const shown = rows.map(({ severity, rule }) => `${rule} ${severity}`).sort();
    expect(shown).toEqual(rules.map(({ alert, labels: { severity } }) => `${alert} ${severity}`).sort());
  });

  it('has each monitor of Datadog, with its severity', () => {
    const monitors: { name: string; tags: string[] }[] = JSON.parse(read('deploy/datadog/monitors.json'));
    const shown = rows.flatMap(({ severity, monitor }) =>
      monitor === undefined ? [] : [`bec-alerts: ${monitor} severity:${severity}`],
    );
    expect([...new Set(shown)].sort()).toEqual(monitors.map(({ name, tags }) => `${name} ${tags[1]}`).sort());
  });
});
