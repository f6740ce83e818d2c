import type { Ran } from './output.ts';
import { lastLines, output, run } from './output.ts';
import { poll } from './poll.ts';

const MINUTES_15 = 900;
const MINUTES_5 = 300;

/** Why packages of Debian or Ubuntu can't be installed here; null where they can. */
export async function whyNoApt(): Promise<string | null> {
  if ((await output('apt-get', ['--version'])) === null) return 'there is no apt-get to install it with';
  if (process.getuid?.() !== 0) return 'only root can install it, and this is another user';
  return null;
}

/** Fetches the lists of packages. @returns null, or why it failed */
export async function updateLists(): Promise<string | null> {
  return await apt(['update']);
}

/** @returns null, or why it failed */
export async function installPackages(packages: readonly string[]): Promise<string | null> {
  return await apt(['install', '-y', '--no-install-recommends', ...packages]);
}

/**
 * Waits for another apt to finish: two test runs, or two demos, can start at once on a fresh machine. apt waits by
 * itself for dpkg's lock alone, and fails where another one holds the lock of the lists or of the downloads.
 */
async function apt(parameters: readonly string[]): Promise<string | null> {
  const options = ['-q', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Dpkg::Options::=--force-confold'];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
  let last: Ran = { ok: false, text: '' };
  const attempt = async () => {
    last = await run('apt-get', [...options, ...parameters], { env, seconds: MINUTES_15 });
    return last.ok || !last.text.includes('Could not get lock') ? true : undefined;
  };
  await poll('another apt-get to finish', attempt, { seconds: MINUTES_5, everyMilliseconds: 1_000 }).catch(
    () => undefined,
  );
  return last.ok ? null : `apt-get ${parameters.join(' ')} failed:\n${lastLines(last.text)}`;
}
