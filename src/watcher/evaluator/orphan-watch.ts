import { workerData } from 'node:worker_threads';

// A thread of the triggers' process. It ends the process if the watcher is gone. Otherwise a loop that never ends would
// use a CPU forever, because the process's own event loop can't notice.
const CHECK_MILLISECONDS = 1_000;
setInterval(() => {
  if (process.ppid !== workerData) process.kill(process.pid, 'SIGKILL');
}, CHECK_MILLISECONDS);
