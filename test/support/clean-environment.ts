// The caller's shell may be set up for the real AWS, for another database or for another agent. The tests start their
// own servers, so clients in this process must not read these variables and files.
for (const name of Object.keys(process.env)) {
  if (/^(AWS_|PG|DD_|SENTRY_)|_proxy$/i.test(name)) delete process.env[name];
}
process.env.AWS_CONFIG_FILE = '/dev/null';
process.env.AWS_SHARED_CREDENTIALS_FILE = '/dev/null';
