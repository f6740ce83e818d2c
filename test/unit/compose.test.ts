import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { endpointOf } from '../../src/config/endpoints.ts';
import { processorSettings, readSettings, simulateSettings, watcherSettings } from '../../src/config/env.ts';

interface Service {
  readonly build?: string;
  readonly env_file?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly healthcheck?: object;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const text = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const COMPOSE: {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, null>>;
} = parse(text('docker-compose.yml'), { merge: true });
const WALK = text('docs/docker.md');

/** A service's variables. Those of a `.env` have their defaults. */
function environmentOf(name: string): Record<string, string> {
  const variables = Object.entries(COMPOSE.services[name]?.environment ?? {});
  return Object.fromEntries(
    variables.map(([variable, value]) => [variable, value.replace(/\$\{\w+:-([^}]*)\}/g, '$1')]),
  );
}

/** The host of a URL must be a service. */
function hostOf(url: string | undefined): string {
  const { hostname } = new URL(url ?? '');
  expect(COMPOSE.services).toHaveProperty(hostname);
  return hostname;
}

describe('docker-compose.yml', () => {
  it.each(Object.entries(COMPOSE.services))('the service %s names things that exist', (_, service) => {
    if (service.build !== undefined) expect(existsSync(join(ROOT, service.build, 'Dockerfile'))).toBe(true);
    if (service.env_file !== undefined) expect(existsSync(join(ROOT, service.env_file))).toBe(true);
    for (const volume of service.volumes ?? []) {
      const [source = ''] = volume.split(':');
      if (source.startsWith('.')) expect(existsSync(join(ROOT, source)), source).toBe(true);
      else expect(COMPOSE.volumes).toHaveProperty(source);
    }
    for (const [name, { condition }] of Object.entries(service.depends_on ?? {})) {
      expect(COMPOSE.services).toHaveProperty(name);
      if (condition === 'service_healthy') expect(COMPOSE.services[name], name).toHaveProperty('healthcheck');
    }
    // Everyone knows the passwords.
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it('starts a processor and a watcher that accept their settings and reach their servers', () => {
    const processor = readSettings(processorSettings, environmentOf('processor'));
    expect(hostOf(endpointOf('SQS', processor))).toBe('elasticmq');
    expect(hostOf(processor.DATABASE_URL)).toBe('postgres');
    const watcher = readSettings(watcherSettings, environmentOf('watcher'));
    expect(hostOf(endpointOf('SES', watcher))).toBe('ses');
    expect(watcher.DATABASE_URL).toBe(processor.DATABASE_URL);
    // Without it: one email a second, because the local SES doesn't say its rate.
    expect(watcher.SES_MAX_SEND_RATE).toBe(1_000);
    readSettings(simulateSettings, environmentOf('processor'));
    const unread = Object.keys(environmentOf('watcher')).filter(
      (name) =>
        !/^AWS_(ACCESS|SECRET)_/.test(name) &&
        ![processorSettings, watcherSettings, simulateSettings].some((schema) => name in schema.shape),
    );
    expect(unread).toEqual([]);
  });

  it('reaches its servers without the proxy that Docker may set', () => {
    const { NO_PROXY, no_proxy: lower } = environmentOf('processor');
    expect(NO_PROXY?.split(',')).toEqual(['elasticmq', 'ses', 'sentry']);
    expect(lower).toBe(NO_PROXY);
  });

  it('uses the versions that the rest of the repository uses', () => {
    const { devDependencies } = JSON.parse(text('package.json'));
    expect(text('docker/ses/Dockerfile')).toContain(
      `aws-ses-v2-local@${devDependencies['aws-ses-v2-local']}`,
    );
    expect(text('Dockerfile')).toMatch(/^ARG NODE_IMAGE=node:24-slim(?:@sha256:[0-9a-f]{64})?$/m);
    expect(devDependencies.node).toMatch(/^24\./);
  });
});

describe('docs/docker.md', () => {
  it('names services that exist', () => {
    const named = [...WALK.matchAll(/docker-compose (?:run --rm|logs) ([a-z-]+)/g)].map(
      ([, name = '']) => name,
    );
    expect(named.length).toBeGreaterThan(5);
    for (const name of named) expect(COMPOSE.services).toHaveProperty(name);
  });

  it('has the settings of the plugin, and the queue of docker/elasticmq.conf', () => {
    expect(WALK).toContain('http://elasticmq:9324/000000000000/sentry_errors');
    expect(text('docker/elasticmq.conf')).toMatch(/accountId = 000000000000/);
    expect(text('docker/elasticmq.conf')).toMatch(/^ {2}sentry_errors \{$/m);
    const plugin = text('sentry/sqs_plugin.py');
    for (const label of [
      'Endpoint URL',
      'Queue URL',
      'Region',
      'Access Key',
      'Secret Key',
      'Amazon SQS Standalone',
    ]) {
      expect(WALK).toContain(label);
      expect(plugin).toContain(label);
    }
  });
});
