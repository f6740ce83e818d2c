import { mkdtempSync, symlinkSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { lastLines, run } from '../../dev/output.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/**
 * The version that an update replaces: the last one before `issue_activity`, hours and tags. Made by
 * `git archive 6d058dc package.json src migrations`. Stored as a file, because a shallow clone has no history.
 */
const ARCHIVE = fileURLToPath(new URL('../chaos/previous-version.tar.gz', import.meta.url));

/** Unpacks the previous version, to run with the packages of this one. @returns the file of its command line */
export async function previousVersion(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'bec-alerts-previous-'));
  afterAll(() => rm(folder, { recursive: true }));
  const { ok, text } = await run('tar', ['-xzf', ARCHIVE, '-C', folder]);
  if (!ok) throw new Error(`tar failed to unpack ${ARCHIVE}:\n${lastLines(text)}`);
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return join(folder, 'src/cli/main.ts');
}
