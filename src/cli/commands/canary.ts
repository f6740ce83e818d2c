import type { WatcherSettings } from '../../config/env.ts';
import { proxiesOf } from '../../config/proxy.ts';
import type { Canary, CanaryDependencies } from '../../watcher/canary/canary.ts';
import { createCanary } from '../../watcher/canary/canary.ts';

/** Null without `CANARY_INTERVAL`, and in a dry run, which leaves no trace. */
export function canaryOf(
  settings: WatcherSettings,
  release: string,
  dependencies: CanaryDependencies,
): Canary | null {
  const { CANARY_INTERVAL: intervalSeconds, SIMULATE_SENTRY_DSN: dsn, CANARY_EMAIL } = settings;
  if (intervalSeconds === undefined || dsn === undefined || settings.WATCHER_DRY_RUN) return null;
  // A watcher that prints its alerts sends no emails.
  const email = settings.WATCHER_CONSOLE_ALERTS ? null : (CANARY_EMAIL ?? null);
  const sender = { release, proxies: proxiesOf(settings) };
  return createCanary(dependencies, { dsn, intervalSeconds, email, sender });
}
