import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { run } from '../../../dev/output.ts';
import { pythonWithBoto3 } from '../../support/python.ts';

const TESTS = fileURLToPath(new URL('../../../sentry/test_sqs_plugin.py', import.meta.url));
const INSTALL_MINUTES = 10;

// The plugin is Python, and so are its tests; this is how they belong to ours.
it(
  'forwards events to an SQS queue over HTTP, in both of its protocols, with the boto3 that is found',
  async () => {
    const python = await pythonWithBoto3();
    const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' };
    const { ok, text } = await run(python, [TESTS], { env, seconds: 300 });
    expect(ok, text).toBe(true);
    const [ofThePlugin = '', ofItsSyntax = ''] = readFileSync(TESTS, 'utf8').split(/^class SyntaxTest/m);
    const written = (source: string) => [...source.matchAll(/^ {4}def test_/gm)].length;
    expect(written(ofThePlugin)).toBeGreaterThan(15);
    expect(text).toContain(`Ran ${2 * written(ofThePlugin) + written(ofItsSyntax)} tests`);
    expect(text).not.toContain('skipped');
  },
  INSTALL_MINUTES * 60_000,
);
