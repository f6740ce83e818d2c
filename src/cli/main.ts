#!/usr/bin/env node
import { enableCompileCache } from 'node:module';

// Before anything else is loaded: an old Node would fail on syntax, far from the cause.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`bec-alerts needs Node 22.18 or newer, and this is ${process.version}\n`);
  process.exit(2);
}
enableCompileCache();
const { runCommandLine } = await import('./program.ts');
process.exitCode = await runCommandLine(process.argv, process.env);
