import { parentPort, workerData } from 'node:worker_threads';
import { checkHere } from './check-here.ts';
import type { CheckReport } from './check-protocol.ts';

// The entry of the thread that checks a trigger file. Not awaited: Node would print where this module waits, if the file
// waits for ever.
const report = (message: CheckReport) => parentPort?.postMessage(message);
void checkHere(String(workerData), report);
