import { afterAll } from 'vitest';
import { closeFile } from './after-file.ts';

// Runs for each test file. The modules that files share are loaded once for many of them, so these register no hook.
// Vitest calls no hook of a file that failed to load.
await closeFile();
afterAll(closeFile);
