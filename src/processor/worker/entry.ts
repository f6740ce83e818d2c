import type { Report } from '../protocol.ts';
import { isCommand } from '../protocol.ts';
import type { Work } from './worker.ts';
import { startWork } from './worker.ts';

// The entry of a worker process. It obeys the supervisor's commands, and stops if the supervisor is gone.
let work: Work | undefined;
// Errors of sending are ignored: without a supervisor the worker still finishes the messages in progress.
const report = (message: Report) => void process.send?.(message, undefined, undefined, () => {});
process.on('message', (message: unknown) => {
  if (!isCommand(message)) throw new TypeError('the worker received a message that is not a command');
  if (message.type === 'start') work ??= startWork(message.settings, report);
  else work?.stop();
});
for (const signal of ['SIGTERM', 'SIGINT', 'disconnect'] as const) process.on(signal, () => work?.stop());
