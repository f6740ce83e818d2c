import { flushCompileCache } from 'node:module';
import { toWire } from '../../runtime/errors.ts';
import { keepHeapSmall } from '../../runtime/heap.ts';
import { obey } from './obey.ts';
import type { EvaluatorReport } from './protocol.ts';
import { isEvaluatorCommand } from './protocol.ts';

// The entry of the process that runs the code of triggers. The watcher ends it, so it ignores the signals that a terminal
// sends to both.
const ALIVE_MILLISECONDS = 1_000;
keepHeapSmall();
const { stdout, stderr } = process;
const write = stdout.write;
// The log must not contain lines that the trigger file prints while it is loaded.
stdout.write = stderr.write.bind(stderr);
const report = (message: EvaluatorReport, sent: () => void = () => {}) => {
  if (message.type === 'loaded') {
    stdout.write = write;
    // Node stores what it compiled when a process ends by itself. The watcher kills this one.
    flushCompileCache();
  }
  process.send?.(message, undefined, undefined, sent);
};
const handle = obey(report);
process.on('message', (message: unknown) => {
  if (!isEvaluatorCommand(message)) throw new TypeError('the process of the triggers received no command');
  handle(message);
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.exit());
process.on('unhandledRejection', (reason) => report({ type: 'rejection', error: toWire(reason) }));
process.on('uncaughtException', (error) => {
  report({ type: 'exception', error: toWire(error) }, () => process.exit(1));
});
// The first report comes before the trigger file is loaded: only from then on can silence be the file's fault.
report({ type: 'alive' });
setInterval(() => report({ type: 'alive' }), ALIVE_MILLISECONDS);
