import { endpointOf, sesRegionOf } from '../../config/endpoints.ts';
import type { WatcherSettings } from '../../config/env.ts';
import { proxiesOf } from '../../config/proxy.ts';
import { canaryState } from '../../db/canaries.ts';
import { countPending } from '../../db/outbox.ts';
import { createPool } from '../../db/pool.ts';
import { plural } from '../../domain/text.ts';
import { createConsoleMailer } from '../../mail/console.ts';
import { loadDigest } from '../../mail/digest.ts';
import type { Email, Mailer } from '../../mail/mailer.ts';
import type { SesMailer } from '../../mail/ses.ts';
import { longestRequest } from '../../runtime/aws.ts';
import { asError } from '../../runtime/errors.ts';
import { keepHeapSmall } from '../../runtime/heap.ts';
import { Teardown } from '../../runtime/lifecycle.ts';
import type { Logger } from '../../runtime/logger.ts';
import { createReporter } from '../../runtime/report.ts';
import { createDelivery } from '../../watcher/delivery/deliver.ts';
import { markAtEnd } from '../../watcher/delivery/mark-at-end.ts';
import { preview } from '../../watcher/delivery/preview.ts';
import { createSendRate } from '../../watcher/delivery/send-rate.ts';
import type { Evaluator } from '../../watcher/evaluator/evaluator.ts';
import type { RunOutcome } from '../../watcher/run/run.ts';
import { ownTriggers } from '../../watcher/run/run-state.ts';
import type { Steps } from '../../watcher/steps.ts';
import { createSteps } from '../../watcher/steps.ts';
import type { WatchDependencies } from '../../watcher/watch.ts';
import { watch, watchOnce } from '../../watcher/watch.ts';
import { awsConnection } from '../aws-settings.ts';
import type { CommandContext } from '../command.ts';
import { databaseConnection } from '../database-settings.ts';
import { canaryCheck, lastRunCheck, serveHealth } from '../health.ts';
import { daemonMetrics } from '../metrics.ts';
import { bounceReader } from './bounce-reader.ts';
import { canaryOf } from './canary.ts';
import { shownDeclines, shownSilenced } from './declines-text.ts';
import { leftOutCheck, loadedEvaluator } from './watcher-triggers.ts';

const STATEMENT_TIMEOUT_MILLISECONDS = 120_000;
/** Added to SES's timeouts, for fetching credentials and for a busy machine. */
const LEASE_MARGIN_MILLISECONDS = 5_000;

/** Evaluates and delivers until a signal, or once. */
export async function runWatcher(
  settings: WatcherSettings,
  { logger: loggerOf, stopSignal, version }: CommandContext,
): Promise<void> {
  keepHeapSmall();
  const logger = loggerOf('watcher');
  const teardown = new Teardown(logger);
  try {
    const reporter = await createReporter(logger, settings.SENTRY_DSN, version, proxiesOf(settings));
    teardown.add('error reports', () => reporter.close());
    const served = settings.PORT !== undefined && !settings.WATCHER_ONCE;
    const daemon = await daemonMetrics('watcher', settings, served, version, logger, teardown);
    const { metrics, prometheus } = daemon;
    const own = { logger, reporter, metrics };
    const stopping = new AbortController();
    const evaluator = await loadedEvaluator(settings, own, teardown, stopping.signal);
    // Only now, because loading a trigger file may take long: until here, the first signal must end the process.
    const signal = stopSignal();
    signal.addEventListener('abort', () => stopping.abort(signal.reason), { once: true });
    const steps = await createWatcherSteps(settings, version, evaluator, own, teardown, signal);
    const triggers = () => ownTriggers({ evaluator, sinceMilliseconds: settings.WATCHER_SINCE });
    const options = { dryRun: settings.WATCHER_DRY_RUN, delaySeconds: settings.WATCHER_SLEEP_DELAY };
    if (settings.WATCHER_ONCE) {
      const outcome = await watchOnce(steps, own, options, signal);
      if (outcome !== null) concludeOnce(outcome, settings);
      return;
    }
    await serveHealth(
      { port: settings.PORT, database: databaseConnection(settings), name: 'watcher' },
      logger,
      teardown,
      // A dry run stores no run that the check could find.
      (health) => {
        prometheus?.show('bec_alerts_watcher_alerts_pending', async () => ({
          '': await countPending(health),
        }));
        if (steps.canary !== null)
          prometheus?.show('bec_alerts_canary_waiting_seconds', async () => ({
            '': (await canaryState(health))?.waiting?.ageSeconds ?? 0,
          }));
        return {
          ...(options.dryRun ? {} : { last_run: lastRunCheck(health, options.delaySeconds, triggers) }),
          triggers: leftOutCheck(evaluator),
          ...(steps.canary === null ? {} : { canary: canaryCheck(health) }),
        };
      },
      prometheus,
    );
    await watch(steps, own, options, signal);
  } finally {
    await teardown.run();
  }
}

async function createWatcherSteps(
  settings: WatcherSettings,
  version: string,
  evaluator: Evaluator,
  { logger, reporter, metrics }: WatchDependencies,
  teardown: Teardown,
  signal: AbortSignal,
): Promise<Steps> {
  const pool = createPool({
    ...databaseConnection(settings),
    applicationName: 'bec-alerts watcher',
    // A run and a bounce hold one connection each, and a delivery two. Checking whether anything is due takes another
    // one.
    max: 5,
    statementTimeoutMilliseconds: STATEMENT_TIMEOUT_MILLISECONDS,
    onIdleError: (error) => logger.warning('a database connection was lost; reconnecting', { error }),
  });
  teardown.add('the database', () => pool.end());
  const print = createConsoleMailer((text) => process.stdout.write(text));
  const mailer = settings.WATCHER_CONSOLE_ALERTS ? print : await sesMailer(settings);
  if (settings.SES_VERIFY_EMAIL) await verifyFrom(mailer, settings, logger);
  teardown.add('the mailer', async () => mailer.close());

  const email = { subjectPrefix: settings.ALERT_SUBJECT_PREFIX, issueUrl: settings.SENTRY_ISSUE_URL };
  const maxPerRun = settings.ALERT_MAX_PER_RUN;
  const build = { ...email, maxPerRun, renderDigest: await loadDigest() };
  const show = async (shown: Email) => {
    const { to, subject } = shown;
    if (settings.WATCHER_CONSOLE_ALERTS) await print.send(shown, signal);
    else logger.info('dry run: would send an email', { to, subject });
  };
  const delivery = createDelivery({
    mailer,
    settings: build,
    sendRate: createSendRate(async () => settings.SES_MAX_SEND_RATE ?? (await accountRate(mailer, logger))),
    logger,
    metrics,
    reporter,
    leaseMilliseconds: longestRequest(awsConnection(settings)) + LEASE_MARGIN_MILLISECONDS,
  });
  teardown.add('the emails that SES accepted', () => markAtEnd(delivery, pool));
  const own = { logger, reporter, metrics, pool, hasUnmarked: () => delivery.hasUnmarked() };
  const bounces = settings.WATCHER_DRY_RUN ? null : await bounceReader(settings, own, teardown);
  const bundling = { digest: settings.ALERT_DIGEST === 'run', maxPerRun };
  return createSteps(
    {
      pool,
      run: {
        evaluator,
        settings: email,
        bundling,
        sinceMilliseconds: settings.WATCHER_SINCE,
        logger,
        reporter,
      },
      delivery,
      bounces,
      canary: canaryOf(settings, version, { pool, logger, metrics, mailer }),
      metrics,
      preview: (tx, runId) => preview(tx, runId, build, show),
    },
    {
      dryRun: settings.WATCHER_DRY_RUN,
      delaySeconds: settings.WATCHER_SLEEP_DELAY,
      retentionDays: settings.RETENTION_DAYS,
    },
  );
}

/** @throws if evaluations failed, so that a script that runs the watcher once notices */
function concludeOnce({ failures, triggers }: RunOutcome, settings: WatcherSettings): void {
  if (settings.WATCHER_CONSOLE_ALERTS)
    process.stdout.write(shownSilenced(triggers) + shownDeclines(triggers));
  if (failures > 0) {
    throw new Error(`${plural(failures, 'evaluation')} failed; the errors are logged above`);
  }
}

async function sesMailer(settings: WatcherSettings): Promise<SesMailer> {
  const { createSesMailer } = await import('../../mail/ses.ts');
  return createSesMailer({
    region: sesRegionOf(settings),
    endpoint: endpointOf('SES', settings),
    ...awsConnection(settings),
    from: settings.SES_FROM_EMAIL,
    configurationSet: settings.SES_CONFIGURATION_SET,
  });
}

/** A dry run changes nothing in SES, and printed alerts need no verified address. */
async function verifyFrom(
  mailer: Mailer | SesMailer,
  settings: WatcherSettings,
  logger: Logger,
): Promise<void> {
  if (settings.WATCHER_DRY_RUN || !('verifyFrom' in mailer)) {
    logger.info('SES_VERIFY_EMAIL has no effect, because this watcher sends no emails');
    return;
  }
  try {
    await mailer.verifyFrom();
    logger.info('asked SES to verify the From address; SES sends an email with a link to that address', {
      from: settings.SES_FROM_EMAIL.address,
    });
  } catch (thrown) {
    // The watcher need not stop: alerts wait in the outbox until SES accepts them.
    logger.warning('asking SES to verify the From address failed; the watcher continues', {
      error: asError(thrown),
    });
  }
}

/** The SES account's send rate; null if SES doesn't answer. */
async function accountRate(mailer: Mailer, logger: Logger): Promise<number | null> {
  try {
    return await mailer.maxSendRate();
  } catch (thrown) {
    logger.warning(
      "asking SES for the account's send rate failed; sending 1 email a second for now, and asking again in 5 minutes; SES_MAX_SEND_RATE sets the rate",
      { error: asError(thrown) },
    );
    return null;
  }
}
