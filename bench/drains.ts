import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Drain } from './drain.ts';
import { drain } from './drain.ts';
import type { Load } from './fill.ts';
import { fill } from './fill.ts';
import type { Place, Stand } from './stand.ts';
import { startBuilt } from './stand.ts';

const RAW_DRAIN = fileURLToPath(new URL('./raw-drain.ts', import.meta.url));
const NEVER = 100_000_000;

export interface DrainPlan {
  readonly name: string;
  readonly load: Load;
  readonly processes: number;
}

/** The bare SDK: receive, delete, repeat. */
export async function rawDrain(stand: Stand, plan: DrainPlan): Promise<Drain> {
  const { queueUrl, env } = await stand.place(plan.name);
  await fill(stand.client, queueUrl, plan.load);
  const start = () =>
    Array.from({ length: plan.processes }, () =>
      spawn(process.execPath, [RAW_DRAIN], {
        env: { ...env, QUEUE_URL: queueUrl },
        stdio: ['ignore', 'ignore', 'pipe'],
      }),
    );
  return await drain({ ...common(stand, plan), queueUrl, start });
}

/** The processor. @param messageCount number of messages after which a worker is replaced; default: never */
export async function processorDrain(
  stand: Stand,
  plan: DrainPlan,
  messageCount = NEVER,
  place?: Place,
): Promise<Drain> {
  const { queueUrl, env } = place ?? (await stand.place(plan.name));
  await fill(stand.client, queueUrl, plan.load);
  const variables = {
    ...env,
    PROCESSOR_PROCESS_COUNT: String(plan.processes),
    PROCESSOR_WORKER_MESSAGE_COUNT: String(messageCount),
  };
  return await drain({
    ...common(stand, plan),
    queueUrl,
    start: () => [startBuilt(['processor'], variables)],
  });
}

function common({ client, queueServerPid }: Stand, { name, load }: DrainPlan) {
  return { name, client, count: load.count, others: [queueServerPid] };
}
