import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { childrenOf, peakMemory, treeCpu } from '../dev/process-tree.ts';
import { queueDepth } from '../src/queue/depth.ts';

/** How fast a full queue was emptied. The clock starts when an eighth is gone, so that the start isn't measured. */
export interface Drain {
  readonly name: string;
  readonly messagesPerSecond: number;
  /** Of the processes that drained the queue and all processes that they forked. */
  readonly cpuMillisecondsPerMessage: number;
  /** Of the largest single process below the first, in MB. */
  readonly peakMegabytes: number;
  /** CPU that the queue server used meanwhile, for each message. The processor can't use it. */
  readonly othersMillisecondsPerMessage: number;
  readonly seconds: number;
  readonly messages: number;
  /** By how much each of the counters grew meanwhile. */
  readonly counters: Counters;
}

export type Counters = Readonly<Record<string, number>>;

export interface DrainOptions {
  readonly name: string;
  readonly client: SQSClient;
  readonly queueUrl: string;
  readonly count: number;
  readonly start: () => readonly ChildProcess[];
  /** Processes whose CPU is measured separately. */
  readonly others: readonly number[];
  /** Counters of servers, such as bytes of WAL. */
  readonly counters?: () => Promise<Counters>;
  /** The clock doesn't start earlier: whether all processes of a larger number work. */
  readonly ready?: () => Promise<boolean>;
}

const SAMPLE_MILLISECONDS = 25;
const LIMIT_MILLISECONDS = 300_000;

export async function drain(options: DrainOptions): Promise<Drain> {
  const { name, client, queueUrl, count, others, counters = async () => ({}), ready } = options;
  const roots = options.start();
  const failed = new AbortController();
  let output = '';
  for (const root of roots) {
    root.stderr?.on('data', (chunk) => {
      output += String(chunk);
    });
    root.once('exit', (code) => failed.abort(new Error(`${name} ended (exit ${code}):\n${output}`)));
  }
  const pids = roots.flatMap(({ pid }) => pid ?? []);
  const ownCpu = () => pids.reduce((sum, pid) => sum + treeCpu(pid), 0);
  const othersCpu = () => others.reduce((sum, pid) => sum + treeCpu(pid), 0);
  const sample = async () => {
    const left = await depth(client, queueUrl);
    return { left, at: performance.now(), cpu: ownCpu(), othersCpu: othersCpu() };
  };
  const begun = performance.now();
  let first: (Awaited<ReturnType<typeof sample>> & { readonly counters: Counters }) | undefined;
  let peak = 0;
  try {
    for (;;) {
      failed.signal.throwIfAborted();
      const now = await sample();
      if (first === undefined && now.left <= count * 0.875 && (ready === undefined || (await ready())))
        first = { ...now, counters: await counters() };
      for (const pid of workers(pids)) peak = Math.max(peak, peakMemory(pid));
      if (now.left === 0) {
        if (first === undefined) throw new Error(`${name}: too few messages to measure`);
        const messages = first.left;
        return {
          name,
          messagesPerSecond: (messages / (now.at - first.at)) * 1_000,
          cpuMillisecondsPerMessage: (now.cpu - first.cpu) / messages,
          peakMegabytes: peak,
          othersMillisecondsPerMessage: (now.othersCpu - first.othersCpu) / messages,
          seconds: (now.at - first.at) / 1_000,
          messages,
          counters: growth(first.counters, await counters()),
        };
      }
      if (now.at - begun > LIMIT_MILLISECONDS)
        throw new Error(`${name}: ${now.left} messages left after 5 minutes`);
      await pause(SAMPLE_MILLISECONDS);
    }
  } finally {
    await stop(roots);
  }
}

export function growth(before: Counters, after: Counters): Counters {
  return Object.fromEntries(
    Object.entries(after).map(([name, value]) => [name, value - (before[name] ?? 0)]),
  );
}

function workers(pids: readonly number[]): number[] {
  const children = pids.flatMap(childrenOf);
  return children.length > 0 ? children : [...pids];
}

export async function stop(roots: readonly ChildProcess[]): Promise<void> {
  const running = roots.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  const exits = running.map((root) => once(root, 'exit'));
  for (const root of running) root.kill('SIGTERM');
  await Promise.all(exits);
}

async function depth(client: SQSClient, queueUrl: string): Promise<number> {
  const { waiting, inFlight } = await queueDepth(client, queueUrl);
  return waiting + inFlight;
}
