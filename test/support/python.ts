import { lastLines, run } from '../../dev/output.ts';

/** Debian's Python is asked first: another one in the PATH doesn't see Debian's packages. */
const CANDIDATES = ['/usr/bin/python3', 'python3'];
const MINUTES_10 = 600;

/** A Python 3 that has boto3; installed from the distribution's packages where root may. */
export async function pythonWithBoto3(): Promise<string> {
  const found = await find();
  if (found !== null) return found;
  const problem = await install();
  const installed = await find();
  if (installed !== null) return installed;
  throw new Error(
    `the tests of sentry/ need Python 3 with boto3 (Debian, Ubuntu: sudo apt-get install python3-boto3); ${problem}`,
  );
}

async function find(): Promise<string | null> {
  for (const python of CANDIDATES) {
    if ((await run(python, ['-c', 'import boto3'])).ok) return python;
  }
  return null;
}

async function install(): Promise<string> {
  if (process.getuid?.() !== 0) return 'only root can install it';
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
  // Waits for another apt: the same run may be installing Postgres.
  const options = ['-q', '-o', 'DPkg::Lock::Timeout=300'];
  for (const parameters of [['update'], ['install', '-y', '--no-install-recommends', 'python3-boto3']]) {
    const { ok, text } = await run('apt-get', [...options, ...parameters], { env, seconds: MINUTES_10 });
    if (!ok) return `apt-get ${parameters.join(' ')} failed:\n${lastLines(text)}`;
  }
  return 'it is installed, and still not found';
}
