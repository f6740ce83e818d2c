import type { Trigger } from '../domain/trigger.ts';
import { defineTrigger } from '../domain/trigger.ts';

const MARKER = 'bec-alerts-healthcheck';

/** Notifies of every event whose text holds `bec-alerts-healthcheck`: send one to test the whole pipeline. */
export function healthCheck(emails: readonly string[]): Trigger {
  return defineTrigger({
    name: 'Healthcheck',
    emails,
    evaluate: (issue) =>
      issue.message.includes(MARKER) || issue.logMessage.includes(MARKER)
        ? { notify: true, because: `its text contains ${MARKER}` }
        : { notify: false, because: `its text doesn't contain ${MARKER}` },
  });
}
