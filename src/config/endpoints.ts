import { z } from 'zod';
import { httpUrl } from './values.ts';

// Where the requests to AWS's services go. The AWS SDK has variables of its own. All are read here, so that one rule
// holds for every service.

/** Read by the SDK too, which accepts only these two words. */
const exactFlag = z.enum(['true', 'false'], { error: 'must be true or false, in small letters' });

const everyService = {
  AWS_ENDPOINT_URL: httpUrl.optional(),
  AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: exactFlag.default('false'),
};

export const sqsEndpoint = {
  ...everyService,
  SQS_ENDPOINT_URL: httpUrl.optional(),
  AWS_ENDPOINT_URL_SQS: httpUrl.optional(),
};

export const sesEndpoint = {
  ...everyService,
  SES_ENDPOINT_URL: httpUrl.optional(),
  AWS_ENDPOINT_URL_SES: httpUrl.optional(),
};

export const s3Endpoint = { ...everyService, AWS_ENDPOINT_URL_S3: httpUrl.optional() };

type EndpointVariable = keyof typeof sqsEndpoint | keyof typeof sesEndpoint | keyof typeof s3Endpoint;
export type EndpointSettings = { readonly [name in EndpointVariable]?: string | undefined };

/**
 * The configured endpoint of a service: our own variable, then the SDK's for the service, then the SDK's for all
 * services. S3 has no variable of our own.
 * @returns undefined for AWS, or for the endpoint in the SDK's config file
 */
export function endpointOf(service: 'SQS' | 'SES' | 'S3', settings: EndpointSettings): string | undefined {
  const own = service === 'S3' ? undefined : settings[`${service}_ENDPOINT_URL`];
  if (own !== undefined) return own;
  if (settings.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS === 'true') return undefined;
  return settings[`AWS_ENDPOINT_URL_${service}`] ?? settings.AWS_ENDPOINT_URL;
}

/** The domains of AWS's partitions. */
const AWS_HOST =
  /\.(?:amazonaws\.(?:com|com\.cn|eu)|api\.aws|api\.amazonwebservices\.(?:com\.cn|eu)|(?:ic|sgov)\.gov|adc-e\.uk)$/;
/** `sqs.us-west-2.amazonaws.com`, a VPC's `vpce-1.sqs.us-west-2.vpce.amazonaws.com`, or the old `us-west-2.queue.amazonaws.com`. */
const REGION = /(?:^|\.)sqs(?:-fips)?\.([a-z]+(?:-[a-z]+)+-\d+)\.|^([a-z]+(?:-[a-z]+)+-\d+)\.queue\./;

/**
 * Requests go to the endpoint of the region, whichever host the queue's URL has. So a URL of another server or region
 * would name a queue that isn't there.
 * @param region of `SQS_REGION`
 * @returns the problem with the queue's URL; null if it has no problem
 */
export function queueUrlProblem(
  queueUrl: string,
  region: string | undefined,
  endpoint: string | undefined,
): string | null {
  if (endpoint !== undefined || !URL.canParse(queueUrl)) return null;
  if (!AWS_HOST.test(new URL(queueUrl).hostname))
    return 'is not a URL of AWS: set SQS_ENDPOINT_URL to the server that has the queue';
  const inUrl = regionInUrl(queueUrl);
  if (region === undefined || inUrl === undefined || inUrl === region) return null;
  return `is in the region ${inUrl}, but SQS_REGION is another`;
}

/** Undefined if it isn't a URL of AWS, or names no region. */
function regionInUrl(queueUrl: string): string | undefined {
  const { hostname } = new URL(queueUrl);
  if (!AWS_HOST.test(hostname)) return undefined;
  const [, first, second] = REGION.exec(hostname) ?? [];
  return first ?? second;
}

interface SqsRegion {
  readonly AWS_DEFAULT_REGION: string;
  readonly SQS_REGION?: string | undefined;
  readonly SQS_QUEUE_URL?: string | undefined;
}

/** The region of both queues: that of our own variable, then that in the queue's URL, then AWS's own variable. */
export function sqsRegionOf({ AWS_DEFAULT_REGION, SQS_REGION, SQS_QUEUE_URL }: SqsRegion): string {
  const inUrl = SQS_QUEUE_URL === undefined ? undefined : regionInUrl(SQS_QUEUE_URL);
  return SQS_REGION ?? inUrl ?? AWS_DEFAULT_REGION;
}

interface SesRegion {
  readonly AWS_DEFAULT_REGION: string;
  readonly SES_REGION?: string | undefined;
}

/** The region of SES, and of the queue of its events. */
export function sesRegionOf({ AWS_DEFAULT_REGION, SES_REGION }: SesRegion): string {
  return SES_REGION ?? AWS_DEFAULT_REGION;
}
