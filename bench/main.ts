// `npm run bench [processor|watcher] [options]`: what a benchmark measures, and how, stands in its own file.
const [name = 'processor', ...parameters] = process.argv.slice(2);

switch (name) {
  case 'watcher': {
    const { benchWatcher } = await import('./watcher.ts');
    await benchWatcher(parameters);
    break;
  }
  default:
    console.error(`there is no benchmark "${name}"; there is: watcher`);
    process.exitCode = 2;
}
