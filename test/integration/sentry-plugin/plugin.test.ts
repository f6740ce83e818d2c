import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { run } from '../../../dev/output.ts';
import { pythonWithBoto3 } from '../../support/python.ts';

const TESTS = fileURLToPath(new URL('../../../sentry/test_sqs_plugin.py', import.meta.url));
const INSTALL_MINUTES = 10;

// The plugin is Python, and so are its tests; this is how they belong to ours.
it(
  'forwards events to an SQS queue over HTTP with the boto3 of Debian',
  async () => {
    const python = await pythonWithBoto3();
    const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' };
    const { ok, text } = await run(python, [TESTS], { env, seconds: 120 });
    expect(ok, text).toBe(true);
    const written = [...readFileSync(TESTS, 'utf8').matchAll(/^ {4}def test_/gm)].length;
    expect(written).toBeGreaterThan(15);
    expect(text).toContain(`Ran ${written} tests`);
    expect(text).not.toContain('skipped');
  },
  INSTALL_MINUTES * 60_000,
);
