// The image's HEALTHCHECK: checks whether the daemon answers. `docker inspect` shows its output.
const port = process.env.PORT?.trim();
// Without a port the daemon serves nothing, so there is nothing to check.
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
