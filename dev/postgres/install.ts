import { mkdir, rm, writeFile } from 'node:fs/promises';
import { lastLines, output, run } from '../output.ts';
import type { PostgresBinaries } from './binaries.ts';

/** Read by Debian's maintainer scripts: without it they set up and start a server of their own on port 5432. */
const NO_MAIN_CLUSTER = '/etc/postgresql-common/createcluster.d/bec-alerts.conf';
const MINUTES_15 = 900;

/**
 * Installs Postgres with hll from Debian's or Ubuntu's packages.
 * @param present what is installed already; hll for the newest of it is preferred
 * @returns null, or why it couldn't
 */
export async function installWithApt(
  present: readonly PostgresBinaries[],
  say: (line: string) => void,
): Promise<string | null> {
  if ((await output('apt-get', ['--version'])) === null)
    return 'there is no apt-get to install Postgres with';
  if (process.getuid?.() !== 0) return 'Postgres can be installed by root only, and this is another user';
  say('installing Postgres with hll from the distribution’s packages (this once)');
  const updated = await apt(['update']);
  if (!updated.ok) return `apt-get update failed:\n${lastLines(updated.text)}`;

  const versions = await versionsWithHll();
  const version =
    present.map((binaries) => binaries.version).find((own) => versions.includes(own)) ?? versions[0];
  if (version === undefined)
    return 'the package lists have no postgresql-*-hll (Debian 12 and Ubuntu 22.04 do)';

  const packages = [`postgresql-${version}`, `postgresql-${version}-hll`];
  await mkdir('/etc/postgresql-common/createcluster.d', { recursive: true });
  await writeFile(NO_MAIN_CLUSTER, 'create_main_cluster = false\n');
  try {
    const installed = await apt(['install', '-y', '--no-install-recommends', ...packages]);
    return installed.ok
      ? null
      : `apt-get install ${packages.join(' ')} failed:\n${lastLines(installed.text)}`;
  } finally {
    await rm(NO_MAIN_CLUSTER, { force: true });
  }
}

/** Newest first. */
async function versionsWithHll(): Promise<number[]> {
  const listed = (await output('apt-cache', ['search', '--names-only', '^postgresql-[0-9]+-hll$'])) ?? '';
  const versions = [...listed.matchAll(/^postgresql-(\d+)-hll\b/gm)].map((match) => Number(match[1]));
  return versions.sort((a, b) => b - a);
}

/** Waits for another apt to finish: two demos can start at once on a fresh machine. */
function apt(parameters: readonly string[]): Promise<{ ok: boolean; text: string }> {
  const options = ['-q', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Dpkg::Options::=--force-confold'];
  return run('apt-get', [...options, ...parameters], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
    seconds: MINUTES_15,
  });
}
