import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { MetricOf } from '../../src/runtime/metric-list.ts';
import { COUNTERS, DISTRIBUTIONS, GAUGES } from '../../src/runtime/metric-list.ts';

interface Monitor {
  readonly name: string;
  readonly type: string;
  readonly query: string;
  readonly message: string;
  readonly tags: readonly string[];
  readonly options: { readonly thresholds: { readonly critical: number } };
}

const text = readFileSync(new URL('../../deploy/datadog/monitors.json', import.meta.url), 'utf8');
const monitors: readonly Monitor[] = JSON.parse(text);
/** Datadog stores a hyphen in a name as an underscore. */
const own: ReadonlySet<string> = new Set(
  [COUNTERS, DISTRIBUTIONS, GAUGES]
    .flatMap((list) => Object.keys(list))
    .map((name) => name.replaceAll('-', '_')),
);
const asked = monitors.flatMap(({ query }) => query.match(/bec_alerts\.[\w.]+\w(?=\{)/g) ?? []);

describe('the monitors for Datadog', () => {
  it.each(monitors.map((monitor) => [monitor.name, monitor] as const))('%s', (_, monitor) => {
    const { type, query, message, tags, options } = monitor;
    expect(type).toBe('query alert');
    expect(query).toMatch(/^(sum|min|max|avg)\(last_\d+[mh]\):.* [<>] [\d.]+$/);
    // Datadog refuses a monitor whose threshold differs from that of its query.
    expect(Number(/[\d.]+$/.exec(query)?.[0])).toBe(options.thresholds.critical);
    const isPage = tags.includes('severity:page');
    expect(tags).toEqual(['service:bec-alerts', `severity:${isPage ? 'page' : 'warn'}`]);
    expect(message.endsWith(isPage ? ' @PAGER' : ' @TEAM')).toBe(true);
  });

  it('have names of their own', () => {
    expect(new Set(monitors.map(({ name }) => name)).size).toBe(monitors.length);
  });

  it('ask for metrics and tags that the daemons send, and for each metric but one', () => {
    expect(asked.filter((name) => !own.has(name))).toEqual([]);
    const values = Object.values<MetricOf>(COUNTERS).flatMap(({ label, values = [] }) =>
      values.map((value) => `${label}:${value}`),
    );
    const tags = monitors.flatMap(({ query }) => query.match(/\b(?:what|reason):\w+/g) ?? []);
    expect(tags.length).toBeGreaterThan(5);
    expect(tags.filter((tag) => !values.includes(tag))).toEqual([]);
    const withoutMonitor = ['bec_alerts.watcher.silenced'];
    expect([...own].filter((name) => !asked.includes(name))).toEqual(withoutMonitor);
  });
});
