import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { COUNTERS, DISTRIBUTIONS, GAUGES, prometheusName, READINGS } from '../../src/runtime/metric-list.ts';

const FILE = new URL('../../deploy/grafana/dashboard.json', import.meta.url);
const { panels, schemaVersion, templating } = JSON.parse(readFileSync(FILE, 'utf8'));
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

  it('can be imported: its panels have types, units and queries that Grafana knows', () => {
    expect(schemaVersion).toBe(39);
    for (const { type, fieldConfig, targets } of panels) {
      expect(['stat', 'timeseries']).toContain(type);
      // https://github.com/grafana/grafana/blob/main/packages/grafana-data/src/valueFormats/categories.ts
      expect(['short', 's', 'ops', 'reqps']).toContain(fieldConfig.defaults.unit);
      expect(targets.map(({ refId }: { refId: string }) => refId)).toEqual(
        ['A', 'B'].slice(0, targets.length),
      );
      for (const { datasource, legendFormat } of targets) {
        expect(datasource.uid).toMatch(/^\$\{datasource\}$/);
        expect(legendFormat).toMatch(/./);
      }
    }
  });

  it('has panels side by side that fill each row', () => {
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }: { gridPos: Record<string, number> }) =>
      Array.from(
        { length: (w ?? 0) * (h ?? 0) },
        (_, i) => `${(x ?? 0) + (i % (w ?? 1))} ${(y ?? 0) + Math.floor(i / (w ?? 1))}`,
      ),
    );
    const rows = cells.map((cell: string) => Number(cell.split(' ')[1]));
    const columns = cells.map((cell: string) => Number(cell.split(' ')[0]));
    expect(new Set(cells).size).toBe(cells.length);
    expect(Math.max(...columns)).toBe(23);
    expect(cells.length).toBe(24 * (Math.max(...rows) + 1));
  });
});
