import type { Command } from 'commander';
import { DEFAULT_FROM_EMAIL, DEFAULT_SINCE, watcherSettings } from '../../config/env.ts';
import type { Register } from '../command.ts';
import type { OptionVariables } from '../options.ts';
import { DAEMON_OPTIONS, TRIGGERS_OPTION } from '../options.ts';

const OPTIONS: readonly OptionVariables[] = [
  {
    flags: '--once',
    variable: 'WATCHER_ONCE',
    about: 'run once, now, and exit, with code 1 if the run failed',
  },
  {
    flags: '--dry-run',
    variable: 'WATCHER_DRY_RUN',
    about: 'store nothing and send no email: everything is rolled back',
  },
  {
    flags: '--console-alerts',
    variable: 'WATCHER_CONSOLE_ALERTS',
    about: 'print alerts instead of emailing them; without --dry-run they count as sent',
  },
  {
    flags: '--verify-email',
    variable: 'SES_VERIFY_EMAIL',
    about: 'ask SES to verify the From address when the watcher starts',
  },
  {
    flags: '--sleep-delay <seconds>',
    variable: 'WATCHER_SLEEP_DELAY',
    about: 'seconds between two runs',
  },
  {
    flags: '--since <duration>',
    variable: 'WATCHER_SINCE',
    about:
      'a trigger that is new to the database starts with the issues that changed in this time, such as 8h',
    otherwise: `default ${DEFAULT_SINCE}`,
  },
  {
    flags: '--endpoint-url <url>',
    variable: 'SES_ENDPOINT_URL',
    about: 'URL of a local SES to use instead of AWS',
  },
  {
    flags: '--from-email <email>',
    variable: 'SES_FROM_EMAIL',
    about:
      'From address of the emails, verified with SES; it may have a name: "Browser alerts <alerts@example.com>"',
    otherwise: `default ${DEFAULT_FROM_EMAIL}`,
  },
  {
    flags: '--max-send-rate <emails>',
    variable: 'SES_MAX_SEND_RATE',
    about: 'emails to send per second',
    otherwise: "default: the SES account's rate",
  },
  {
    flags: '--alert-digest <off|run>',
    variable: 'ALERT_DIGEST',
    about: 'send each recipient one email for each alert (off), or one for all alerts of a run (run)',
  },
  {
    flags: '--alert-max-per-run <alerts>',
    variable: 'ALERT_MAX_PER_RUN',
    about:
      'number of alerts that a recipient gets in separate emails from one run; one more email sums up the rest',
  },
  {
    flags: '--datadog-counter-name <name>',
    variable: 'DATADOG_COUNTER_NAME',
    about: 'name of the metric that counts finished runs',
  },
  TRIGGERS_OPTION,
  ...DAEMON_OPTIONS,
];

export function addWatcher(program: Command, register: Register): void {
  register(
    program
      .command('watcher')
      .description(
        'evaluate the triggers on the issues that changed since the last run, and send the alerts by email',
      ),
    watcherSettings,
    OPTIONS,
    async (settings, context) => {
      const { runWatcher } = await import('./watcher-run.ts');
      await runWatcher(settings, context);
    },
  );
}
