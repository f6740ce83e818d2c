// The image's HEALTHCHECK: whether the daemon answers. Its reason stands in `docker inspect`.
const port = process.env.PORT?.trim();
// Then nothing is served, and nothing can be asked.
if (!port) process.exit();
try {
  const response = await fetch(`http://127.0.0.1:${port}/__lbheartbeat__`, {
    signal: AbortSignal.timeout(4_000),
  });
  process.stdout.write(`${response.status}\n`);
  process.exitCode = response.ok ? 0 : 1;
} catch (error) {
  process.stdout.write(`nothing answers on port ${port}: ${error.message}\n`);
  process.exitCode = 1;
}
