import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { run } from '../../../dev/output.ts';

const SCRIPT = fileURLToPath(new URL('../../../dev/release-notes.ts', import.meta.url));
const CHANGELOG = `# Changelog

## [Unreleased]

## [1.10.0] - 2026-12-01

### Added

- A line with a [link](docs/x.md).

### Fixed

- Another line.

## [1.1.0] - 2026-11-01

- An old line.

[1.10.0]: https://example.com/1.10.0
`;

async function notesOf(tag: string, version: string, changelog = CHANGELOG) {
  const folder = await mkdtemp(join(tmpdir(), 'bec-alerts-notes-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ version }));
  await writeFile(join(folder, 'CHANGELOG.md'), changelog);
  return await run(process.execPath, [SCRIPT, tag], {
    cwd: folder,
    seconds: 60,
    env: { NODE_NO_WARNINGS: '1' },
  });
}

describe('release-notes', () => {
  it('prints the section of the release alone', async () => {
    expect(await notesOf('v1.10.0', '1.10.0')).toEqual({
      ok: true,
      text: '### Added\n\n- A line with a [link](docs/x.md).\n\n### Fixed\n\n- Another line.',
    });
    expect(await notesOf('v1.1.0', '1.1.0')).toEqual({ ok: true, text: '- An old line.' });
  });

  it.each([
    ['another tag', 'v1.1.0', '1.10.0', CHANGELOG, /the tag is v1\.1\.0, .* is 1\.10\.0/],
    ['a tag without v', '1.10.0', '1.10.0', CHANGELOG, /the tag is 1\.10\.0/],
    ['no section', 'v1.2.0', '1.2.0', CHANGELOG, /has no section \[1\.2\.0\]/],
    ['an empty section', 'v1.2.0', '1.2.0', '\n## [1.2.0]\n\n## [1.1.0]\n\n- x', /\[1\.2\.0\] .* is empty/],
    ['an empty section at the end', 'v1.2.0', '1.2.0', '\n## [1.2.0]', /\[1\.2\.0\] .* is empty/],
  ])('fails for %s', async (_, tag, version, changelog, message) => {
    expect(await notesOf(tag, version, changelog)).toEqual({
      ok: false,
      text: expect.stringMatching(message),
    });
  });
});
