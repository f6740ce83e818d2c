import type { Agent } from '../../config/dogstatsd.ts';
import { agentOf, agentVariables } from '../../config/dogstatsd.ts';
import type { EndpointSettings } from '../../config/endpoints.ts';
import {
  endpointOf,
  s3Endpoint,
  sesEndpoint,
  sesRegionOf,
  sqsEndpoint,
  sqsRegionOf,
} from '../../config/endpoints.ts';
import type { ProxySettings } from '../../config/proxy.ts';
import { proxiesOf, proxyVariables } from '../../config/proxy.ts';
import type { Given } from '../given.ts';
import type { EffectiveVariable } from './config-values.ts';
import { withoutSecrets } from './config-values.ts';

/** Where a command connects to, and through which proxy. */
export interface Client {
  readonly service: string;
  readonly target: string;
}

const ENDPOINTS = { SQS: sqsEndpoint, SES: sesEndpoint, S3: s3Endpoint } as const;
type AwsService = keyof typeof ENDPOINTS;

/** The services that a command with these variables uses. */
export function clientsOf(variables: readonly EffectiveVariable[]): Client[] {
  const byName = new Map(usedOf(variables).map((variable) => [variable.name, variable]));
  const read = Object.fromEntries(variables.map((variable) => [variable.name, variable.read]));
  const has = (name: string) => byName.has(name);
  const isSet = (name: string) => has(name) && byName.get(name)?.from !== 'not set';
  const proxies = proxiesOf(read as ProxySettings);
  const through = (url: string) => {
    const proxy = url.startsWith('https:') ? proxies.https : proxies.http;
    if (proxy === undefined) return '';
    const unless = proxies.except === undefined ? '' : ', unless NO_PROXY has its host';
    return `, through ${withoutSecrets('', proxy)}${unless}`;
  };
  const regions = read as unknown as Regions;
  // The watcher reads only the queue of SES's events.
  const sqsRegion = () => (has('SQS_QUEUE_NAME') ? sqsRegionOf(regions) : sesRegionOf(regions));
  const aws = (service: AwsService, otherwise: string) => {
    const endpoint = endpointOf(service, read as EndpointSettings);
    return `${endpoint === undefined ? otherwise : withoutSecrets('', endpoint)}${through(endpoint ?? 'https:')}`;
  };
  const sentry = (dsn: string) => `${new URL(dsn).origin}${through(dsn)}`;
  const proxyNames = Object.keys(proxyVariables);
  const awsNames = (service: AwsService) => [
    'AWS_DEFAULT_REGION',
    ...Object.keys(ENDPOINTS[service]),
    ...proxyNames,
  ];
  const client = (
    service: string,
    used: boolean,
    needs: readonly string[],
    target: () => string,
  ): Client[] => {
    if (!used) return [];
    const wrong = needs.find((name) => (byName.get(name)?.problem ?? null) !== null);
    return [
      { service, target: wrong === undefined ? target() : `not known, because ${wrong} is wrong or missing` },
    ];
  };
  const sentryClient = (service: string, variable: string) =>
    client(service, isSet(variable), [variable, ...proxyNames], () => sentry(String(read[variable])));
  return [
    ...client(
      'Postgres',
      has('DATABASE_URL'),
      ['DATABASE_URL'],
      () => byName.get('DATABASE_URL')?.value ?? '',
    ),
    ...client('SQS', has('SQS_QUEUE_NAME') || isSet('SES_EVENTS_QUEUE_NAME'), awsNames('SQS'), () =>
      aws('SQS', `AWS, region ${sqsRegion()}`),
    ),
    ...client('S3', has('AWS_ENDPOINT_URL_S3'), awsNames('S3'), () =>
      aws('S3', 'AWS, the region that the message names'),
    ),
    ...client('SES', has('SES_ENDPOINT_URL'), awsNames('SES'), () =>
      aws('SES', `AWS, region ${sesRegionOf(regions)}`),
    ),
    ...sentryClient('Sentry', 'SENTRY_DSN'),
    ...sentryClient('Sentry, simulated errors', 'SIMULATE_SENTRY_DSN'),
    ...client('DogStatsD', has('DD_AGENT_HOST'), Object.keys(agentVariables), () =>
      shownAgent(agentOf(read as unknown as AgentSettings)),
    ),
  ];
}

/** A watcher without canaries sends no simulated errors. */
function usedOf(variables: readonly EffectiveVariable[]): readonly EffectiveVariable[] {
  const isOff = variables.some(({ name, from }) => name === 'CANARY_INTERVAL' && from === 'not set');
  return isOff ? variables.filter(({ name }) => name !== 'SIMULATE_SENTRY_DSN') : variables;
}

type Regions = Parameters<typeof sqsRegionOf>[0] & Parameters<typeof sesRegionOf>[0];
type AgentSettings = Parameters<typeof agentOf>[0];

function shownAgent({ host = 'localhost', port }: Agent): string {
  return `udp://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The variables in which the AWS SDK looks for credentials. */
const CREDENTIALS = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_PROFILE',
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_CONFIG_FILE',
  'AWS_ROLE_ARN',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
];

/** A variable that has a secret, or names a place with one. Its value is never shown. */
export interface Credential {
  readonly name: string;
  readonly from: string;
}

export function awsCredentials({ variables, sourceOf }: Given): Credential[] {
  return CREDENTIALS.filter((name) => (variables[name] ?? '') !== '').map((name) => ({
    name,
    from: sourceOf(name) ?? '',
  }));
}
