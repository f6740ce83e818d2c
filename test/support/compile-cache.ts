import { inject } from 'vitest';

// For the processes that tests start. This one would write all that it compiled when it ends, and nobody would read it.
process.env.NODE_COMPILE_CACHE = inject('compileCache');
