import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, inject, it } from 'vitest';
import { run } from '../../../dev/output.ts';

const TESTS = fileURLToPath(new URL('../../../sentry/test_sqs_plugin.py', import.meta.url));

// The plugin is Python, and so are its tests; this is how they belong to ours.
it('forwards events to an SQS queue over HTTP, in both of its protocols, with the boto3 that is found', async () => {
  const { python, missing } = inject('programs');
  if (python === null) throw new Error(missing ?? 'no Python was looked for');
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' };
  const { ok, text } = await run(python, [TESTS], { env, seconds: 300 });
  expect(ok, text).toBe(true);
  const [ofThePlugin = '', ofItsSyntax = ''] = readFileSync(TESTS, 'utf8').split(/^class SyntaxTest/m);
  const written = (source: string) => [...source.matchAll(/^ {4}def test_/gm)].length;
  expect(written(ofThePlugin)).toBeGreaterThan(15);
  expect(text).toContain(`Ran ${2 * written(ofThePlugin) + written(ofItsSyntax)} tests`);
  expect(text).not.toContain('skipped');
});
