import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../support/manifests.ts';
import { typeErrors } from '../../support/manifests.ts';

const FOLDER = fileURLToPath(new URL('../../../deploy/ecs/', import.meta.url));
const INPUTS: readonly (readonly [RegExp, module: string, type: string])[] = [
  [/^task-/, '@aws-sdk/client-ecs', 'RegisterTaskDefinitionCommandInput'],
  [/^service-/, '@aws-sdk/client-ecs', 'CreateServiceCommandInput'],
  [/^scalable-target/, '@aws-sdk/client-application-auto-scaling', 'RegisterScalableTargetCommandInput'],
  [/^scaling-policy/, '@aws-sdk/client-application-auto-scaling', 'PutScalingPolicyCommandInput'],
];
const names = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
const read = (name: string): Manifest => JSON.parse(readFileSync(FOLDER + name, 'utf8'));

describe('the definitions for ECS', () => {
  const typed = names.flatMap((name) =>
    INPUTS.filter(([pattern]) => pattern.test(name)).map(([, module, type]) => ({
      module,
      type,
      value: read(name),
    })),
  );

  it('fit the types of AWS, without an unknown member or word', async () => {
    expect(typed).toHaveLength(names.length);
    expect(await typeErrors(typed)).toBe('');
    const [task] = typed.filter(({ type }) => type.startsWith('RegisterTask'));
    const misspelt = { ...task?.value, networkMode: 'aws-vpc', memories: '512' };
    expect(await typeErrors([{ module: '', type: '', ...task, value: misspelt }])).toMatch(
      /memories|aws-vpc/,
    );
  });

  it.each(names.filter((name) => name.startsWith('task-')))(
    '%s runs as the image’s user, on a read-only root',
    (name) => {
      const [container] = read(name).containerDefinitions;
      expect(container).toMatchObject({ user: '10001:10001', readonlyRootFilesystem: true });
      expect(container.linuxParameters.capabilities).toEqual({ drop: ['ALL'] });
    },
  );

  it('name each other', () => {
    const families = names.filter((name) => name.startsWith('task-')).map((name) => read(name).family);
    const services = names.filter((name) => name.startsWith('service-')).map(read);
    for (const { taskDefinition } of services) expect(families).toContain(taskDefinition);
    for (const name of ['scalable-target.json', 'scaling-policy.json']) {
      const [, cluster, service] = read(name).ResourceId.split('/');
      expect(services).toContainEqual(expect.objectContaining({ cluster, serviceName: service }));
    }
    const [{ environment }] = read('task-processor.json').containerDefinitions;
    const metric =
      read('scaling-policy.json').TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification;
    expect(metric.MetricName).toBe('ApproximateAgeOfOldestMessage');
    expect(environment).toContainEqual({ name: 'SQS_QUEUE_NAME', value: metric.Dimensions[0].Value });
  });

  it('are all used in the README', () => {
    const readme = readFileSync(`${FOLDER}README.md`, 'utf8');
    for (const name of names) expect(readme).toContain(`file://${name}`);
  });
});
