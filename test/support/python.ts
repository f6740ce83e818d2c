import { run } from '../../dev/output.ts';

/** Debian's Python is asked first: another one in the PATH doesn't see Debian's packages. */
const CANDIDATES = ['/usr/bin/python3', 'python3'];

/** A Python 3 that has boto3, or null if it is missing. */
export async function findPythonWithBoto3(): Promise<string | null> {
  for (const python of CANDIDATES) {
    if ((await run(python, ['-c', 'import boto3'])).ok) return python;
  }
  return null;
}
