import type { Report } from '../protocol.ts';
import { isCommand } from '../protocol.ts';
import type { Work } from './worker.ts';
import { startWork } from './worker.ts';

// The entry of a worker process: it does what the supervisor says, and leaves when that is gone.
let work: Work | undefined;
// A supervisor that is gone can't be told, and what is in hand is finished all the same.
const tell = (report: Report) => void process.send?.(report, undefined, undefined, () => {});
process.on('message', (message: unknown) => {
  if (!isCommand(message)) throw new TypeError('a worker got a message that is no command');
  if (message.type === 'start') work ??= startWork(message.settings, tell);
  else work?.stop();
});
for (const signal of ['SIGTERM', 'SIGINT', 'disconnect'] as const) process.on(signal, () => work?.stop());
