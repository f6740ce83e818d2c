import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  migrateSettings,
  processorSettings,
  readSettings,
  watcherSettings,
} from '../../../src/config/env.ts';
import { stopGrace } from '../../../src/processor/timeouts.ts';
import { longestRequest } from '../../../src/runtime/aws.ts';
import { CLOSING_MILLISECONDS } from '../../../src/runtime/lifecycle.ts';
import type { Manifest } from '../../support/manifests.ts';
import { built, idOf, yamlOf } from '../../support/manifests.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const SETTINGS = { processor: processorSettings, watcher: watcherSettings, migrate: migrateSettings };
type Command = keyof typeof SETTINGS;

interface Container {
  readonly from: string;
  readonly args: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
  /** Of secrets, whose values no file has. */
  readonly secrets: readonly string[];
  /** Seconds from SIGTERM to SIGKILL; null for a command that isn't stopped. */
  readonly stop: number | null;
  readonly ports: readonly number[];
}

function kubernetes(folder: string): Container[] {
  const { resources } = built(`deploy/kubernetes/${folder}`);
  return resources
    .filter(({ kind }) => kind === 'Deployment' || kind === 'Job')
    .map((one) => {
      const { containers, terminationGracePeriodSeconds: stop = null } = one.spec.template.spec;
      const [{ args, env = [], envFrom = [], ports = [] }] = containers;
      const own = env.map(({ name, value }: Manifest) => [name, value]);
      const shared = envFrom.flatMap(({ configMapRef }: Manifest) =>
        Object.entries(resources.find((map) => idOf(map) === `ConfigMap ${configMapRef.name}`)?.data),
      );
      const secrets = own.map(([name]: string[]) => name).filter((name: string) => name.endsWith('_FILE'));
      const variables = Object.fromEntries([...shared, ...own].filter(([name]) => !secrets.includes(name)));
      const numbers = ports.map(({ containerPort }: Manifest) => containerPort);
      return { from: `kubernetes/${folder}: ${idOf(one)}`, args, variables, secrets, stop, ports: numbers };
    });
}

function ecs(command: Command): Container {
  const path = `${ROOT}deploy/ecs/task-${command}.json`;
  const [container]: Manifest[] = JSON.parse(readFileSync(path, 'utf8')).containerDefinitions;
  return {
    from: `ecs: ${command}`,
    args: container.command,
    variables: Object.fromEntries(container.environment.map(({ name, value }: Manifest) => [name, value])),
    secrets: container.secrets.map(({ name }: Manifest) => name),
    stop: container.stopTimeout ?? null,
    ports: (container.portMappings ?? []).map(({ containerPort }: Manifest) => containerPort),
  };
}

const containers = [
  ...kubernetes('base'),
  ...kubernetes('example'),
  ...(['processor', 'watcher', 'migrate'] as const).map(ecs),
];
const [compose] = yamlOf('docker-compose.yml');

/** Seconds from SIGTERM to the end at worst, with the defaults. */
function longestStop(command: Command): number {
  const variables = { DATABASE_URL: 'postgres://u@db/x', AWS_DEFAULT_REGION: 'us-west-2' };
  const settings = readSettings(SETTINGS.watcher, variables);
  const aws = {
    connectTimeoutSeconds: settings.AWS_CONNECT_TIMEOUT,
    readTimeoutSeconds: settings.AWS_READ_TIMEOUT,
  };
  const work = command === 'processor' ? stopGrace(aws) : longestRequest(aws);
  // The last steps of closing get a moment each, after the others have used the time up.
  return (work + CLOSING_MILLISECONDS) / 1_000 + 2;
}

describe.each(containers.map((one) => [one.from, one] as const))('%s', (_, container) => {
  const command = container.args[0] as Command;

  it('runs a command, whose settings accept its variables', () => {
    expect(container.args).toHaveLength(1);
    const schema = SETTINGS[command];
    for (const name of [...Object.keys(container.variables), ...container.secrets]) {
      const known = Object.values(SETTINGS).flatMap(({ shape }) => Object.keys(shape));
      expect(known).toContain(name);
    }
    const secrets = Object.fromEntries([['DATABASE_URL', 'postgres://u:p@db/x']]);
    expect(container.secrets.map((name) => name.replace(/_FILE$/, ''))).toEqual(['DATABASE_URL']);
    expect(() => readSettings(schema, { ...container.variables, ...secrets })).not.toThrow();
  });

  it('has the port of the image, and time to stop', () => {
    if (command === 'migrate') {
      expect(container).toMatchObject({ stop: null, ports: [] });
      return;
    }
    const image = readFileSync(`${ROOT}Dockerfile`, 'utf8');
    const port = Number(/ PORT=(\d+)/.exec(image)?.[1]);
    expect(Number(container.variables.PORT ?? port)).toBe(port);
    expect(container.ports).toEqual([port]);
    expect(image).toContain(`EXPOSE ${port}\n`);
    expect(container.stop).toBeGreaterThan(longestStop(command));
    // Fargate allows no more.
    expect(container.stop).toBeLessThanOrEqual(120);
  });
});

describe('the other places with a stop time', () => {
  it.each(['processor', 'watcher'] as const)('agree for the %s', (command) => {
    const seconds = Number(/^(\d+)s$/.exec(compose.services[command].stop_grace_period)?.[1]);
    expect(seconds).toBeGreaterThan(longestStop(command));
    const [, documented] =
      new RegExp(`^\\| ${command} \\| (\\d+) s \\|`, 'm').exec(
        readFileSync(`${ROOT}docs/operations.md`, 'utf8'),
      ) ?? [];
    expect(Number(documented)).toBe(seconds);
    for (const { stop } of containers.filter(({ args }) => args[0] === command)) expect(stop).toBe(seconds);
  });

  it('the grace of workers is not above the read timeout', () => {
    expect(stopGrace({ connectTimeoutSeconds: 30, readTimeoutSeconds: 30 })).toBeLessThanOrEqual(30_000);
  });
});
