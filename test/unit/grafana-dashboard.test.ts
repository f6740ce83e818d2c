import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { COUNTERS, DISTRIBUTIONS, GAUGES, prometheusName, READINGS } from '../../src/runtime/metric-list.ts';

const FILE = new URL('../../deploy/grafana/dashboard.json', import.meta.url);
const { panels, templating } = JSON.parse(readFileSync(FILE, 'utf8'));
const keysOf = <T extends object>(list: T) => Object.keys(list) as (keyof T)[];
const ours = [...keysOf(COUNTERS), ...keysOf(GAUGES), ...keysOf(DISTRIBUTIONS)].map(prometheusName);
const known = new Set<string>([...ours, ...keysOf(READINGS)]);

describe('the dashboard for Grafana', () => {
  it('shows each metric, and no other', () => {
    const text = panels.flatMap((panel: { targets: { expr: string }[] }) =>
      panel.targets.map(({ expr }) => expr),
    );
    const names: string[] = text.join('\n').match(/bec_alerts_\w+/g) ?? [];
    expect(new Set(names.map((name) => name.replace(/_bucket$/, '')))).toEqual(known);
  });

  it('asks which Prometheus to use, and gives each panel an id', () => {
    expect(templating.list).toMatchObject([{ name: 'datasource', type: 'datasource', query: 'prometheus' }]);
    expect(new Set(panels.map(({ id }: { id: number }) => id)).size).toBe(panels.length);
    for (const { datasource, title } of panels)
      expect({ datasource, title }).toEqual({
        datasource: { type: 'prometheus', uid: expect.stringMatching(/^\$\{datasource\}$/) },
        title: expect.stringMatching(/./),
      });
  });
});
