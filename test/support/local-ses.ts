import type { LocalService } from '../../dev/services.ts';
import { clearEmails, startSes } from '../../dev/services.ts';
import { afterFile } from './after-file.ts';

/**
 * A local SES with an empty inbox, closed after the test file's last test. All of a process have one inbox, which still
 * holds the emails of the file before.
 */
export async function createLocalSes(): Promise<LocalService> {
  const ses = await startSes();
  afterFile(() => ses.close());
  await clearEmails(ses.endpoint);
  return ses;
}
