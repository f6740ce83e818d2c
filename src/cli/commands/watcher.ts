import type { Command } from 'commander';
import type { WatcherSettings } from '../../config/env.ts';
import { watcherSettings } from '../../config/env.ts';
import { createPool } from '../../db/pool.ts';
import { plural } from '../../domain/text.ts';
import { createConsoleMailer } from '../../mail/console.ts';
import { loadDigest } from '../../mail/digest.ts';
import type { Email, Mailer } from '../../mail/mailer.ts';
import { longestRequest } from '../../runtime/aws.ts';
import { asError } from '../../runtime/errors.ts';
import { Teardown } from '../../runtime/lifecycle.ts';
import type { Logger } from '../../runtime/logger.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import type { Reporter } from '../../runtime/report.ts';
import { createReporter } from '../../runtime/report.ts';
import { createDelivery } from '../../watcher/delivery/deliver.ts';
import { preview } from '../../watcher/delivery/preview.ts';
import { createSendRate } from '../../watcher/delivery/send-rate.ts';
import type { RunOutcome } from '../../watcher/run/run.ts';
import type { Steps } from '../../watcher/steps.ts';
import { createSteps } from '../../watcher/steps.ts';
import type { ReadyTrigger } from '../../watcher/triggers/load.ts';
import type { WatchDependencies } from '../../watcher/watch.ts';
import { watch, watchOnce } from '../../watcher/watch.ts';
import { awsTimeouts } from '../aws-settings.ts';
import type { CommandContext, Register } from '../command.ts';
import { lastRunCheck, serveHealth } from '../health.ts';
import type { OptionVariables } from '../options.ts';
import { DAEMON_OPTIONS } from '../options.ts';
import { shownDeclines } from './declines-text.ts';
import { configuredTriggers, TRIGGERS_OPTION } from './triggers.ts';

const OPTIONS: readonly OptionVariables[] = [
  { flags: '--once', variable: 'WATCHER_ONCE', about: 'run once, now, and exit; 1 if the run failed' },
  {
    flags: '--dry-run',
    variable: 'WATCHER_DRY_RUN',
    about: 'leave no trace: nothing is stored, nothing mailed',
  },
  {
    flags: '--console-alerts',
    variable: 'WATCHER_CONSOLE_ALERTS',
    about: 'print alerts instead of mailing them; without --dry-run they count as told',
  },
  {
    flags: '--verify-email',
    variable: 'SES_VERIFY_EMAIL',
    about: 'ask SES to verify the From address at start',
  },
  { flags: '--sleep-delay <seconds>', variable: 'WATCHER_SLEEP_DELAY', about: 'from one run to the next' },
  { flags: '--endpoint-url <url>', variable: 'SES_ENDPOINT_URL', about: 'of a local SES' },
  { flags: '--from-email <email>', variable: 'SES_FROM_EMAIL', about: "the emails' From address" },
  {
    flags: '--max-send-rate <emails>',
    variable: 'SES_MAX_SEND_RATE',
    about: 'emails a second; without it SES is asked',
  },
  {
    flags: '--alert-digest <off|run>',
    variable: 'ALERT_DIGEST',
    about: "run: one email for each recipient with all of a run's alerts",
  },
  {
    flags: '--alert-max-per-run <alerts>',
    variable: 'ALERT_MAX_PER_RUN',
    about: 'a recipient gets one by one; one email sums up the others',
  },
  { flags: '--datadog-counter-name <name>', variable: 'DATADOG_COUNTER_NAME', about: 'counts finished runs' },
  TRIGGERS_OPTION,
  ...DAEMON_OPTIONS,
];

const STATEMENT_TIMEOUT_MILLISECONDS = 120_000;
/** On top of SES's timeouts: for credentials to be fetched and a busy machine. */
const LEASE_MARGIN_MILLISECONDS = 5_000;

export function addWatcher(program: Command, register: Register): void {
  register(
    program
      .command('watcher')
      .description('judge the issues that changed, every five minutes, and email people'),
    watcherSettings,
    OPTIONS,
    runWatcher,
  );
}

async function runWatcher(
  settings: WatcherSettings,
  { logger: loggerOf, stopSignal, version }: CommandContext,
): Promise<void> {
  const triggers = (await configuredTriggers(settings)).filter(({ enabled }) => enabled);
  // Not before: a trigger file may wait for ever as it is loaded, and then hears no signal.
  const signal = stopSignal();
  const logger = loggerOf('watcher');
  warnOfNobody(logger, triggers);
  const teardown = new Teardown(logger);
  try {
    const reporter = await createReporter(logger, settings.SENTRY_DSN, version);
    teardown.add('error reports', () => reporter.close());
    reportRejections(reporter, teardown);
    const metrics = createMetrics(logger);
    teardown.add('metrics', () => metrics.close());
    const own = { logger, reporter, metrics };
    const steps = await createWatcherSteps(settings, triggers, own, teardown, signal);
    const options = { dryRun: settings.WATCHER_DRY_RUN, delaySeconds: settings.WATCHER_SLEEP_DELAY };
    if (settings.WATCHER_ONCE) {
      const outcome = await watchOnce(steps, own, options, signal);
      if (outcome !== null) concludeOnce(outcome, settings);
      return;
    }
    await serveHealth(
      { port: settings.PORT, databaseUrl: settings.DATABASE_URL, name: 'watcher' },
      logger,
      teardown,
      // A dry run leaves no run behind.
      (health) => (options.dryRun ? {} : { last_run: lastRunCheck(health, options.delaySeconds) }),
    );
    await watch(steps, own, options, signal);
  } finally {
    await teardown.run();
  }
}

/** A trigger is another's code: a promise that it forgot must not end the watcher, as Node would by itself. */
function reportRejections(reporter: Reporter, teardown: Teardown): void {
  const report = (reason: unknown) =>
    reporter.report(asError(reason), 'a promise was rejected that nobody awaits, such as one of a trigger');
  process.on('unhandledRejection', report);
  teardown.add('the watch for rejections', async () => {
    process.off('unhandledRejection', report);
  });
}

async function createWatcherSteps(
  settings: WatcherSettings,
  triggers: readonly ReadyTrigger[],
  { logger, reporter, metrics }: WatchDependencies,
  teardown: Teardown,
  signal: AbortSignal,
): Promise<Steps> {
  const pool = createPool({
    connectionString: settings.DATABASE_URL,
    applicationName: 'bec-alerts watcher',
    // A run and a delivery hold one each; the questions whether there is anything to do take another.
    max: 4,
    statementTimeoutMilliseconds: STATEMENT_TIMEOUT_MILLISECONDS,
    onIdleError: (error) => logger.warning('a database connection was lost; reconnecting', { error }),
  });
  teardown.add('the database', () => pool.end());
  const print = createConsoleMailer((text) => process.stdout.write(text));
  const mailer = settings.WATCHER_CONSOLE_ALERTS ? print : await sesMailer(settings, logger);
  teardown.add('the mailer', async () => mailer.close());

  const email = { subjectPrefix: settings.ALERT_SUBJECT_PREFIX, issueUrl: settings.SENTRY_ISSUE_URL };
  const maxPerRun = settings.ALERT_MAX_PER_RUN;
  const build = { ...email, maxPerRun, renderDigest: await loadDigest() };
  const show = async ({ to, subject, ...body }: Email) => {
    if (settings.WATCHER_CONSOLE_ALERTS) await print.send({ to, subject, ...body }, signal);
    else logger.info('would mail', { to, subject });
  };
  const delivery = createDelivery({
    mailer,
    settings: build,
    sendRate: createSendRate(async () => settings.SES_MAX_SEND_RATE ?? (await askedRate(mailer, logger))),
    logger,
    metrics,
    reporter,
    leaseMilliseconds: longestRequest(awsTimeouts(settings)) + LEASE_MARGIN_MILLISECONDS,
  });
  const bundling = { digest: settings.ALERT_DIGEST === 'run', maxPerRun };
  return createSteps(
    {
      pool,
      run: { triggers, settings: email, bundling, logger, reporter },
      delivery,
      metrics,
      preview: (tx, runId) => preview(tx, runId, build, show),
    },
    {
      dryRun: settings.WATCHER_DRY_RUN,
      delaySeconds: settings.WATCHER_SLEEP_DELAY,
      retentionDays: settings.RETENTION_DAYS,
      counterName: settings.DATADOG_COUNTER_NAME,
    },
  );
}

/** @throws where evaluations failed: a script that runs the watcher once must notice */
function concludeOnce({ failures, triggers }: RunOutcome, settings: WatcherSettings): void {
  if (settings.WATCHER_CONSOLE_ALERTS) process.stdout.write(shownDeclines(triggers));
  if (failures > 0) {
    throw new Error(`${plural(failures, 'evaluation')} failed; the errors are logged above`);
  }
}

function warnOfNobody(logger: Logger, triggers: readonly ReadyTrigger[]): void {
  if (triggers.length === 0) logger.warning('no trigger is enabled: nobody will be told of anything');
  for (const { trigger } of triggers) {
    if (trigger.emails.length === 0) {
      logger.warning('a trigger tells nobody; the built-in ones tell ALERT_EMAILS', {
        trigger: trigger.name,
      });
    }
  }
}

async function sesMailer(settings: WatcherSettings, logger: Logger): Promise<Mailer> {
  const { createSesMailer } = await import('../../mail/ses.ts');
  const mailer = createSesMailer({
    region: settings.AWS_DEFAULT_REGION,
    endpoint: settings.SES_ENDPOINT_URL,
    ...awsTimeouts(settings),
    from: settings.SES_FROM_EMAIL,
  });
  if (settings.SES_VERIFY_EMAIL) {
    try {
      await mailer.verifyFrom();
      logger.info('asked SES to verify the From address: a mail with a link is on its way to it', {
        from: settings.SES_FROM_EMAIL,
      });
    } catch (thrown) {
      // Alerts wait in the outbox, so this is no reason not to watch.
      logger.warning('asking SES to verify the From address failed', { error: asError(thrown) });
    }
  }
  return mailer;
}

/** The account's own rate; null where SES doesn't say. */
async function askedRate(mailer: Mailer, logger: Logger): Promise<number | null> {
  try {
    return await mailer.maxSendRate();
  } catch (thrown) {
    logger.warning(
      "SES didn't tell the account's send rate; set SES_MAX_SEND_RATE to send more than one a second",
      {
        error: asError(thrown),
      },
    );
    return null;
  }
}
