import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asError } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/logger.ts';

const NAME = /^bec-alerts-compiled-(\d{1,10})-\w{6}$/;

/**
 * Makes a folder where workers find their code compiled. It is private: whoever can write into it decides what they run.
 * Its maker's pid stands in its name: what killed supervisors left behind is removed first. @returns its path
 */
export async function createCompileCache(logger: Logger): Promise<string> {
  const parent = tmpdir();
  // Another processor that starts may have been faster.
  await removeOrphans(parent).catch((thrown: unknown) =>
    logger.debug('what a killed processor left behind could not be removed', { error: asError(thrown) }),
  );
  return await mkdtemp(join(parent, `bec-alerts-compiled-${process.pid}-`));
}

// The pids of another container that shares the folder mean nothing here: at worst its workers compile anew.
async function removeOrphans(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const [, pid] = NAME.exec(name) ?? [];
    // Its own pid was its predecessor's: in a container both are process 1.
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
