import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asError } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/logger.ts';

const NAME = /^bec-alerts-compiled-(\d{1,10})-\w{6}$/;

/**
 * Creates the folder in which workers keep their compiled code. The folder is private, because workers run the code
 * that they find in it. Its name contains this process's pid; folders of supervisors that were killed are removed
 * first.
 * @returns the folder's path
 */
export async function createCompileCache(logger: Logger): Promise<string> {
  const parent = tmpdir();
  // This fails, for example, if another processor that starts removes the same folders.
  await removeOrphans(parent).catch((thrown: unknown) =>
    logger.debug('removing the compile cache of a killed processor failed; it stays', {
      error: asError(thrown),
    }),
  );
  return await mkdtemp(join(parent, `bec-alerts-compiled-${process.pid}-`));
}

// Containers can share the folder, and the pids of another container mean nothing here. In the worst case we remove the
// cache of a live processor, and its workers compile their code again.
async function removeOrphans(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const [, pid] = NAME.exec(name) ?? [];
    // A folder with our own pid belongs to our predecessor: in a container both are process 1.
    if (pid === undefined || (Number(pid) !== process.pid && isAlive(Number(pid)))) continue;
    const path = join(parent, name);
    const found = await lstat(path);
    if (found.isDirectory() && found.uid === process.getuid?.())
      await rm(path, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return !(thrown instanceof Error && 'code' in thrown && thrown.code === 'ESRCH');
  }
}
