// `npm run bench [-- processor|watcher|hot-rows|held-snapshot|backtest|scale] [options]`. Each benchmark's file says what
// it measures, and how.
const BENCHMARKS: Readonly<Record<string, (argv: readonly string[]) => Promise<void>>> = {
  processor: async (argv) => await (await import('./processor.ts')).benchProcessor(argv),
  'hot-rows': async (argv) => await (await import('./hot-rows.ts')).benchHotRows(argv),
  'held-snapshot': async (argv) => await (await import('./held-snapshot.ts')).benchHeldSnapshot(argv),
  backtest: async (argv) => await (await import('./backtest.ts')).benchBacktest(argv),
  scale: async (argv) => await (await import('./scale.ts')).benchScale(argv),
  watcher: async (argv) => await (await import('./watcher.ts')).benchWatcher(argv),
};

const [first = 'processor', ...rest] = process.argv.slice(2);
const [name, argv] = first.startsWith('-') ? ['processor', [first, ...rest]] : [first, rest];
const benchmark = BENCHMARKS[name];
if (benchmark === undefined) {
  console.error(`there is no benchmark "${name}"; choose one of: ${Object.keys(BENCHMARKS).join(', ')}`);
  process.exitCode = 2;
} else {
  await benchmark(argv);
}
