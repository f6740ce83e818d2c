import { readFileSync } from 'node:fs';

// `node dev/release-notes.ts v1.2.3` prints the section of CHANGELOG.md for that release. It fails if package.json has
// another version, or if the section is missing or empty.
const [tag] = process.argv.slice(2);
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
const [, section] = readFileSync('CHANGELOG.md', 'utf8').split(`\n## [${version}]`);
// Without the rest of the heading. The links of all headings are at the end of the file.
const notes = section
  ?.replace(/^.*\n/, '')
  .split(/^(?:## |\[[^\]]+\]: )/m)[0]
  ?.trim();

if (tag !== `v${version}`) fail(`the tag is ${tag}, but the version in package.json is ${version}`);
if (notes === undefined) fail(`CHANGELOG.md has no section [${version}]`);
if (notes === '') fail(`the section [${version}] of CHANGELOG.md is empty`);
process.stdout.write(`${notes}\n`);

function fail(reason: string): never {
  process.stderr.write(`release-notes: ${reason}\n`);
  process.exit(1);
}
