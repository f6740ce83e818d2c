import { startSqs } from '../dev/services.ts';

// SQS in a process of its own, so that its work isn't counted as ours. Ends with its parent.
const { endpoint, close } = await startSqs();
process.send?.(endpoint);
process.once('disconnect', () => void close().finally(() => process.exit()));
process.once('SIGTERM', () => process.disconnect());
