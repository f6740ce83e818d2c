// `npm run bench [-- processor|watcher] [options]`: every benchmark runs the built command line on the local stack.
const BENCHMARKS: Readonly<Record<string, () => Promise<{ main(argv: readonly string[]): Promise<void> }>>> =
  {
    processor: () => import('./processor.ts'),
  };

const [first = 'processor', ...rest] = process.argv.slice(2);
const [name, argv] = first.startsWith('-') ? ['processor', [first, ...rest]] : [first, rest];
const load = BENCHMARKS[name];
if (load === undefined) {
  console.error(`no benchmark "${name}"; there are: ${Object.keys(BENCHMARKS).join(', ')}`);
  process.exitCode = 2;
} else {
  await (await load()).main(argv);
}
