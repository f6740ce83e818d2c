import { installPackages, updateLists, whyNoApt } from '../../dev/apt.ts';
import { output } from '../../dev/output.ts';
import { findPromtool, unpackPromtool } from './promtool.ts';
import { findPythonWithBoto3 } from './python.ts';

/** Programs that tests start and npm doesn't install, besides Postgres. */
export interface Programs {
  /** A Python 3 that has boto3; null if it is missing. */
  readonly python: string | null;
  /** PgBouncer; null if it is missing. */
  readonly pgbouncer: string | null;
  /** Prometheus's tool that checks and tests alert rules; null if it is missing. */
  readonly promtool: string | null;
  /** For a person: the missing programs, the tests that fail without them, and the remedy. Null if nothing is missing. */
  readonly missing: string | null;
}

interface Need {
  readonly name: string;
  readonly debianPackage: string;
  readonly tests: string;
  /** Unpacks the program without installing the package. @returns null, or why it failed */
  readonly unpack?: () => Promise<string | null>;
}

const BOTO3: Need = {
  name: 'Python 3 with boto3',
  debianPackage: 'python3-boto3',
  tests: 'the tests of sentry/',
};
const OPENSSL: Need = { name: 'openssl', debianPackage: 'openssl', tests: 'the tests of TLS' };
const PGBOUNCER: Need = { name: 'PgBouncer', debianPackage: 'pgbouncer', tests: 'the tests of poolers' };
const PROMTOOL: Need = {
  name: 'promtool',
  debianPackage: 'prometheus',
  tests: 'the tests of the alert rules',
  unpack: unpackPromtool,
};

/** Finds them, and installs what is missing from the distribution's packages where root may. */
export async function findPrograms(say: (line: string) => void): Promise<Programs> {
  const { needs: missing, ...found } = await look();
  if (missing.length === 0) return { ...found, missing: null };
  const problem = await install(missing, say);
  const { needs, ...programs } = await look();
  return { ...programs, missing: needs.length === 0 ? null : instructions(needs, problem) };
}

async function look(): Promise<Omit<Programs, 'missing'> & { needs: Need[] }> {
  const [python, openssl, pgbouncer, promtool] = await Promise.all([
    findPythonWithBoto3(),
    output('openssl', ['version']),
    findPgBouncer(),
    findPromtool(),
  ]);
  const needs = [
    ...(python === null ? [BOTO3] : []),
    ...(openssl === null ? [OPENSSL] : []),
    ...(pgbouncer === null ? [PGBOUNCER] : []),
    ...(promtool === null ? [PROMTOOL] : []),
  ];
  return { python, pgbouncer, promtool, needs };
}

/** Debian's folder is in the PATH of root alone. */
const PGBOUNCERS = ['/usr/sbin/pgbouncer', 'pgbouncer'];

async function findPgBouncer(): Promise<string | null> {
  for (const program of PGBOUNCERS) if ((await output(program, ['--version'])) !== null) return program;
  return null;
}

/** @returns why it failed */
async function install(needs: readonly Need[], say: (line: string) => void): Promise<string | null> {
  const reason = await whyNoApt();
  if (reason !== null) return reason;
  say(`getting ${needs.map(({ name }) => name).join(' and ')} from the distribution’s packages (this once)`);
  const problems = [await updateLists()];
  const packages = needs.filter(({ unpack }) => unpack === undefined).map((need) => need.debianPackage);
  if (packages.length > 0) problems.push(await installPackages(packages));
  for (const { unpack } of needs) if (unpack !== undefined) problems.push(await unpack());
  return problems.find((problem) => problem !== null) ?? null;
}

function instructions(needs: readonly Need[], problem: string | null): string {
  const packages = needs.map(({ debianPackage }) => debianPackage).join(' ');
  return [
    ...needs.map(({ name, tests }) => `${name} is missing: without it ${tests} fail.`),
    `  - Debian, Ubuntu: sudo apt-get install ${packages}`,
    `What was tried: ${problem ?? 'it was installed, and still is not found'}`,
  ].join('\n');
}
