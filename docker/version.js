// Prints version.json from the build arguments. Without a VERSION it uses the version in package.json.
import { readFileSync } from 'node:fs';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const { SOURCE = '', VERSION = '', COMMIT = '', BUILD = '' } = process.env;
process.stdout.write(
  `${JSON.stringify({ source: SOURCE, version: VERSION || version, commit: COMMIT, build: BUILD })}\n`,
);
