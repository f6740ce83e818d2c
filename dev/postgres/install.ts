import { mkdir, rm, writeFile } from 'node:fs/promises';
import { installPackages, updateLists, whyNoApt } from '../apt.ts';
import { output } from '../output.ts';
import type { PostgresBinaries } from './binaries.ts';

/** Read by Debian's maintainer scripts: without it they set up and start a server of their own on port 5432. */
const NO_MAIN_CLUSTER = '/etc/postgresql-common/createcluster.d/bec-alerts.conf';

/**
 * Installs Postgres with hll from Debian's or Ubuntu's packages.
 * @param present installed versions; hll for the newest of them is preferred
 * @returns null, or why it couldn't
 */
export async function installWithApt(
  present: readonly PostgresBinaries[],
  say: (line: string) => void,
): Promise<string | null> {
  const reason = await whyNoApt();
  if (reason !== null) return reason;
  say('installing Postgres with hll from the distribution’s packages (this once)');
  const problem = await updateLists();
  if (problem !== null) return problem;

  const versions = await versionsWithHll();
  const version =
    present.map((binaries) => binaries.version).find((own) => versions.includes(own)) ?? versions[0];
  if (version === undefined)
    return 'the package lists have no postgresql-*-hll (Debian 12 and Ubuntu 22.04 do)';

  const packages = [`postgresql-${version}`, `postgresql-${version}-hll`];
  await mkdir('/etc/postgresql-common/createcluster.d', { recursive: true });
  await writeFile(NO_MAIN_CLUSTER, 'create_main_cluster = false\n');
  try {
    return await installPackages(packages);
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
