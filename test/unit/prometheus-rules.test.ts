import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { COUNTERS, DISTRIBUTIONS, GAUGES, prometheusName, READINGS } from '../../src/runtime/metric-list.ts';

const FOLDER = new URL('../../deploy/prometheus/', import.meta.url);
const read = (file: string) => parse(readFileSync(new URL(file, FOLDER), 'utf8'));

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

const rules: readonly Rule[] = read('bec-alerts.rules.yml').groups[0].rules;
const keysOf = <T extends object>(list: T) => Object.keys(list) as (keyof T)[];
const known = new Set<string>([
  ...[...keysOf(COUNTERS), ...keysOf(GAUGES)].map(prometheusName),
  ...keysOf(DISTRIBUTIONS).map((name) => `${prometheusName(name)}_bucket`),
  ...keysOf(READINGS),
]);

describe('the alert rules for Prometheus', () => {
  it.each(rules.map((rule) => [rule.alert, rule] as const))('%s asks for metrics that exist', (_, rule) => {
    const names = rule.expr.match(/bec_alerts_\w+/g) ?? [];
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => !known.has(name))).toEqual([]);
    expect(['page', 'warn']).toContain(rule.labels.severity);
    expect(rule.annotations.summary).not.toBe('');
    expect(rule.annotations.description).not.toBe('');
  });

  it('each have a test that it fires, and one that it does not', () => {
    const names = read('bec-alerts.rules.test.yml').tests.map(({ name }: { name: string }) => name);
    expect(names).toEqual(rules.flatMap(({ alert }) => [`${alert} fires`, `${alert} does not fire`]));
  });
});
