import { runCommandLine } from '../../src/cli/program.ts';
import type { ReusedRequest } from './reused-process.ts';

// The entry of a process that runs one command line after the other, each with its own variables and working folder.
process.on('message', (request) => void run(request as ReusedRequest));
process.on('disconnect', () => process.exit());

async function run({ parameters, environment, folder, endMark }: ReusedRequest): Promise<void> {
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, environment);
  process.chdir(folder);
  const code = await runCommandLine([process.execPath, 'bec-alerts', ...parameters], process.env);
  for (const signal of ['SIGTERM', 'SIGINT']) process.removeAllListeners(signal);
  // The test removes the folder.
  process.chdir('/');
  process.send?.(code);
  process.stdout.write(endMark);
  process.stderr.write(endMark);
}
