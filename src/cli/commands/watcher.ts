import type { Command } from 'commander';
import type { WatcherSettings } from '../../config/env.ts';
import { watcherSettings } from '../../config/env.ts';
import { createPool } from '../../db/pool.ts';
import { createConsoleMailer } from '../../mail/console.ts';
import { loadDigest } from '../../mail/digest.ts';
import type { Email, Mailer } from '../../mail/mailer.ts';
import { longestRequest } from '../../runtime/aws.ts';
import { asError } from '../../runtime/errors.ts';
import { Teardown } from '../../runtime/lifecycle.ts';
import type { Logger } from '../../runtime/logger.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import { createReporter } from '../../runtime/report.ts';
import { createPace } from '../../watcher/delivery/send-rate.ts';
import type { ReadyTrigger } from '../../watcher/triggers/load.ts';
import { watch, watchOnceNow } from '../../watcher/watch.ts';
import { awsTimeouts } from '../aws-settings.ts';
import type { CommandContext, Register } from '../command.ts';
import { lastRunCheck, serveHealth } from '../health.ts';
import type { OptionVariables } from '../options.ts';
import { DAEMON_OPTIONS } from '../options.ts';
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
  warnOfSilence(logger, triggers);
  const teardown = new Teardown(logger);
  try {
    const reporter = await createReporter(logger, settings.SENTRY_DSN, version);
    teardown.add('error reports', () => reporter.close());
    // A trigger is another's code: its carelessness must not end the watcher, as Node would by itself.
    const onRejection = (reason: unknown) =>
      reporter.report(asError(reason), 'a promise was rejected that nobody awaits, such as one of a trigger');
    process.on('unhandledRejection', onRejection);
    teardown.add('the watch for rejections', async () => {
      process.off('unhandledRejection', onRejection);
    });
    const metrics = createMetrics(logger);
    teardown.add('metrics', () => metrics.close());
    const pool = createPool({
      connectionString: settings.DATABASE_URL,
      applicationName: 'bec-alerts watcher',
      // A run and a delivery hold one each; who asks whether there is anything to do takes another.
      max: 4,
      statementTimeoutMilliseconds: STATEMENT_TIMEOUT_MILLISECONDS,
      onIdleError: (error) => logger.warning('a database connection broke; it is made anew', { error }),
    });
    teardown.add('the database', () => pool.end());
    const print = createConsoleMailer((text) => process.stdout.write(text));
    const mailer = settings.WATCHER_CONSOLE_ALERTS ? print : await sesMailer(settings, logger);
    teardown.add('the mailer', async () => mailer.close());

    const dependencies = {
      triggers,
      settings: {
        subjectPrefix: settings.ALERT_SUBJECT_PREFIX,
        issueUrl: settings.SENTRY_ISSUE_URL,
        maxPerRun: settings.ALERT_MAX_PER_RUN,
        renderDigest: await loadDigest(),
      },
      bundling: { digest: settings.ALERT_DIGEST === 'run', maxPerRun: settings.ALERT_MAX_PER_RUN },
      pool,
      logger,
      reporter,
      metrics,
      mailer,
      pace: createPace(async () => settings.SES_MAX_SEND_RATE ?? (await askedRate(mailer, logger))),
      leaseMilliseconds: longestRequest(awsTimeouts(settings)) + LEASE_MARGIN_MILLISECONDS,
      taken: [],
      show: async (email: Email) => {
        if (settings.WATCHER_CONSOLE_ALERTS) await print.send(email, signal);
        else logger.info('would mail', { to: email.to, subject: email.subject });
      },
    };
    const options = {
      dryRun: settings.WATCHER_DRY_RUN,
      delaySeconds: settings.WATCHER_SLEEP_DELAY,
      retentionDays: settings.RETENTION_DAYS,
      counterName: settings.DATADOG_COUNTER_NAME,
    };
    if (!settings.WATCHER_ONCE) {
      await serveHealth(
        { port: settings.PORT, databaseUrl: settings.DATABASE_URL, name: 'watcher' },
        logger,
        teardown,
        // A dry run leaves none behind.
        (health) => (options.dryRun ? {} : { last_run: lastRunCheck(health, options.delaySeconds) }),
      );
    }
    if (settings.WATCHER_ONCE) await watchOnceNow(dependencies, options, signal);
    else await watch(dependencies, options, signal);
  } finally {
    await teardown.run();
  }
}

function warnOfSilence(logger: Logger, triggers: readonly ReadyTrigger[]): void {
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
