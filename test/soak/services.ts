import { randomUUID } from 'node:crypto';
import type { Random } from '../../dev/browser-errors/random.ts';
import { pick } from '../../dev/browser-errors/random.ts';
import { deadLetterQueueName } from '../../src/domain/queue-name.ts';
import { pause } from '../../src/runtime/loop.ts';
import type { Fate, FaultyQueueServer } from '../support/faulty-queue-server.ts';
import { startFaultyQueueServer } from '../support/faulty-queue-server.ts';
import type { SesReply, SesRequest, SesServer } from '../support/ses-server.ts';
import { BROKEN, startSesServer, THROTTLED } from '../support/ses-server.ts';
import type { Life } from './daemon.ts';

export type SesState = 'fails' | 'hangs up' | 'throttles' | 'is slow';
export type SqsState = 'fails' | 'refuses dead letters' | 'is slow';

/** An email that SES accepted. Each alert has an email of its own. */
export interface AcceptedEmail {
  /** The alert: its trigger, recipient and issue. */
  readonly alert: string;
  readonly sesMessageId: string;
  /** The process that sent it. */
  readonly life: Life;
}

export const SOAK_QUEUE = 'soak';
const NEVER = new AbortController().signal;
/** Much shorter than the read timeout of the daemons, so that an accepted email isn't sent again. */
const SLOWEST_MILLISECONDS = 2_000;
/** The share of requests that fail while SQS fails. The SDK sends each request up to three times. */
const FAILING = 0.7;
/** The share of a batch's messages that SQS doesn't delete while it fails. */
const UNDELETED = 0.3;

export function alertKey(trigger: string, email: string, groupId: string): string {
  return `${trigger} | ${email} | ${groupId}`;
}

/** The present fault of a service. */
class Disturbance<State> {
  #current: { readonly state: State } | undefined;

  get state(): State | undefined {
    return this.#current?.state;
  }

  /** Replaces the fault before it. @returns ends this fault, unless another one has replaced it */
  begin(state: State): () => void {
    const current = { state };
    this.#current = current;
    return () => {
      if (this.#current === current) this.#current = undefined;
    };
  }
}

/** SES with faults. It remembers every email that it accepted, and which process sent it. */
export class Ses {
  readonly #disturbance = new Disturbance<SesState>();
  readonly accepted: AcceptedEmail[] = [];
  readonly #random: Random;
  #afterNext: (() => void) | undefined;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A server for one process of a watcher, so that it is known which process sent an email. */
  async serve(sender: { current: Life | undefined }, kill: () => void): Promise<SesServer> {
    return await startSesServer((request) => this.#answer(request, sender, kill));
  }

  /** @returns ends the fault */
  disturb(state: SesState): () => void {
    return this.#disturbance.begin(state);
  }

  /** Kills the next watcher whose email is accepted, before it gets the answer. */
  killNextSender(done: () => void): void {
    this.#afterNext = done;
  }

  spareSenders(): void {
    this.#afterNext = undefined;
  }

  async #answer(
    request: SesRequest,
    sender: { current: Life | undefined },
    kill: () => void,
  ): Promise<SesReply> {
    if (request.action !== 'SendRawEmail') return {};
    const { state } = this.#disturbance;
    if (state === 'fails') return BROKEN;
    if (state === 'throttles') return THROTTLED;
    if (state === 'hangs up' || sender.current === undefined) return 'hang up';
    const sesMessageId = randomUUID();
    this.accepted.push({ alert: alertIn(request), sesMessageId, life: sender.current });
    const done = this.#afterNext;
    if (done !== undefined) {
      this.#afterNext = undefined;
      kill();
      done();
      return 'hang up';
    }
    if (state === 'is slow') await pause(this.#random() * SLOWEST_MILLISECONDS, NEVER);
    return { result: `<MessageId>${sesMessageId}</MessageId>` };
  }
}

function alertIn({ email, to }: SesRequest): string {
  const header = (name: string) => email?.headers.find(({ key }) => key === name)?.value ?? `no ${name}`;
  return alertKey(header('x-bec-alerts-trigger'), to, header('x-bec-alerts-issue'));
}

/** The way from the processor to SQS, with faults. */
export class Sqs {
  readonly #disturbance = new Disturbance<SqsState>();
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** @returns ends the fault */
  disturb(state: SqsState): () => void {
    return this.#disturbance.begin(state);
  }

  async serve(target: string): Promise<FaultyQueueServer> {
    return await startFaultyQueueServer(target, {
      fate: (_, queue) => this.#fate(queue),
      failsToDelete: () => this.#disturbance.state === 'fails' && this.#random() < UNDELETED,
    });
  }

  async #fate(queue: string): Promise<Fate> {
    const { state } = this.#disturbance;
    if (state === 'refuses dead letters' && queue === deadLetterQueueName(SOAK_QUEUE)) return 'error';
    if (state === 'is slow') await pause(this.#random() * SLOWEST_MILLISECONDS, NEVER);
    if (state !== 'fails' || this.#random() > FAILING) return 'pass';
    return pick<Fate>(this.#random, ['error', 'drop', 'drop_answer']);
  }
}
