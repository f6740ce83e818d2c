import { spawnSync } from 'node:child_process';
import { chmod, cp, rm } from 'node:fs/promises';

// `npm run build`: TypeScript to dist/, with the templates that tsc doesn't know of. Also npm's `prepare`.
const root = new URL('..', import.meta.url);
await rm(new URL('dist', root), { recursive: true, force: true });
const { status } = spawnSync('tsc', ['--project', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);
await cp(new URL('src/mail/templates', root), new URL('dist/mail/templates', root), { recursive: true });
await chmod(new URL('dist/cli/main.js', root), 0o755);
