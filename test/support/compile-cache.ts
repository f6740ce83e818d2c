import { inject } from 'vitest';

// Only the processes that tests start use it, because Node reads the variable when it starts. A test process would write
// all that it compiled at its end, and nobody would read it.
process.env.NODE_COMPILE_CACHE = inject('compileCache');
