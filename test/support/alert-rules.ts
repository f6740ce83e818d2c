import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { poll } from '../../dev/poll.ts';
import type { RunningCommand } from './command.ts';
import { servedAt } from './command.ts';
import { parsePage } from './exposition.ts';
import { folderOf, promtool } from './promtool.ts';

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

const FILE = new URL('../../deploy/prometheus/bec-alerts.rules.yml', import.meta.url);
export const RULES = readFileSync(FILE, 'utf8');
export const rules: readonly AlertRule[] = parse(RULES).groups[0].rules;

/** A page of metrics; null if the daemon didn't answer. */
export type Page = string | null;

/** Reads the page as Prometheus does. */
export async function readPage(daemon: RunningCommand): Promise<Page> {
  const answer = await fetch(`${await servedAt(daemon)}/metrics`).catch(() => null);
  return answer?.ok === true ? await answer.text() : null;
}

/** Waits for a page on which these series are larger than on an earlier page. */
export async function pageAfter(
  daemon: RunningCommand,
  earlier: string,
  ...series: readonly string[]
): Promise<string> {
  const { values } = seriesOf(earlier);
  return await pageWith(
    daemon,
    Object.fromEntries(series.map((name) => [name, (values.get(name) ?? 0) + 1])),
  );
}

/** Waits for a page on which all of these series have at least these values. */
export async function pageWith(
  daemon: RunningCommand,
  least: Readonly<Record<string, number>>,
): Promise<string> {
  let page: Page = null;
  const look = async () => {
    page = await readPage(daemon);
    const { values } = seriesOf(page);
    const all = Object.entries(least).every(([series, value]) => (values.get(series) ?? -1) >= value);
    return page !== null && all ? page : undefined;
  };
  const wanted = JSON.stringify(least);
  return await poll(`${wanted} on the page of metrics`, look).catch((error: unknown) => {
    throw new Error(`${wanted}: the page is\n${page}\n${daemon.output()}`, { cause: error });
  });
}

interface Series {
  readonly values: ReadonlyMap<string, number>;
  /** Those that only grow. */
  readonly counters: ReadonlySet<string>;
}

function seriesOf(page: Page): Series {
  const families = [...(page === null ? new Map() : parsePage(page))].filter(([name]) =>
    name.startsWith('bec_'),
  );
  const counters = families.filter(([, { type }]) => type !== 'gauge');
  return {
    values: new Map(families.flatMap(([, { samples }]) => [...samples])),
    counters: new Set(counters.flatMap(([, { samples }]) => [...samples.keys()])),
  };
}

/** A page that a daemon showed, and for how many steps Prometheus reads it. */
export interface Scrape {
  readonly page: Page;
  readonly steps: number;
  /** An earlier page of the same daemon: at each step, the counters grow by as much as from that page to this one. */
  readonly since?: Page;
}

/** The pages that Prometheus reads from each daemon. */
export type Timeline = Readonly<Record<'processor' | 'watcher', readonly Scrape[]>>;

export interface AlertOptions {
  /** Of a step. Default 1. */
  readonly minutes?: number;
  /** Only the alerts that fire at the end. Default: those that fire at any time. */
  readonly atEnd?: boolean;
}

const ANY_TIME = 'max by (alertname) (max_over_time(ALERTS{alertstate="firing"}[4d]))';
const NOW = 'max by (alertname) (ALERTS{alertstate="firing"})';

/** The alerts that the rules raise while Prometheus reads these pages. Prometheus's own engine evaluates the rules. */
export async function alertsOf(
  timeline: Timeline,
  { minutes = 1, atEnd = false }: AlertOptions = {},
): Promise<string[]> {
  const stepsOf = (scrapes: readonly Scrape[]) => scrapes.reduce((sum, { steps }) => sum + steps, 0);
  const steps = Math.max(...Object.values(timeline).map(stepsOf));
  const test = {
    rule_files: ['rules.yml'],
    evaluation_interval: `${minutes}m`,
    tests: [
      {
        interval: `${minutes}m`,
        input_series: [
          ...inputOf('processor:8000', timeline.processor),
          ...inputOf('watcher:8000', timeline.watcher),
        ],
        // It expects no alert, so promtool names those that fire.
        promql_expr_test: [{ expr: atEnd ? NOW : ANY_TIME, eval_time: `${minutes * (steps - 1)}m` }],
      },
    ],
  };
  const cwd = await folderOf({ 'rules.yml': RULES, 'test.yml': JSON.stringify(test) });
  const { ok, text } = await promtool(['test', 'rules', 'test.yml'], { cwd });
  const names = [...text.matchAll(/\{alertname="(\w+)"\}/g)].map(([, name = '']) => name);
  if (ok === names.length > 0 || (!ok && !text.includes('got:'))) throw new Error(text);
  return names.toSorted();
}

/** As promtool reads series: `1+2x3` is 1, 3, 5 and 7, and `stale` ends a series that is no longer there. */
function inputOf(instance: string, scrapes: readonly Scrape[]): { series: string; values: string }[] {
  const shown = scrapes.map(({ page }) => seriesOf(page));
  const names = new Set(shown.flatMap(({ values }) => [...values.keys()]));
  const valuesOf = (name: string) => {
    /** By how much the counter has grown beyond the pages. */
    let grown = 0;
    return scrapes.map(({ steps, since }, index) => {
      const value = shown[index]?.values.get(name);
      if (value === undefined) return steps > 1 ? `stale _x${steps - 2}` : 'stale';
      const isCounter = shown[index]?.counters.has(name) === true;
      const before = since === undefined ? undefined : seriesOf(since).values.get(name);
      const growth = isCounter ? value - (before ?? value) : 0;
      const first = isCounter ? value + grown : value;
      grown += growth * (steps - 1);
      return `${first}+${growth}x${steps - 1}`;
    });
  };
  const target = { job: 'bec-alerts', instance };
  return [
    { series: labelled('up', target), values: scrapes.map(upOf).join(' ') },
    ...[...names].map((name) => ({ series: labelled(name, target), values: valuesOf(name).join(' ') })),
  ];
}

const upOf = ({ page, steps }: Scrape) => `${page === null ? 0 : 1}x${steps - 1}`;

function labelled(name: string, labels: Readonly<Record<string, string>>): string {
  const added = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return name.includes('{') ? name.replace('}', `,${added.join()}}`) : `${name}{${added.join()}}`;
}
