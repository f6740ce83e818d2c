import { onTestFinished } from 'vitest';
import type { SesReply, SesRequest } from './ses-server.ts';
import { accepts, startSesServer } from './ses-server.ts';

export type { SesReply, SesRequest } from './ses-server.ts';
export { BROKEN, quota, REJECTED, THROTTLED, verification } from './ses-server.ts';

export interface SesStandIn {
  readonly endpoint: string;
  /** All that was asked. */
  readonly requests: readonly SesRequest[];
  /** The emails it took, whether or not its answer arrived. */
  readonly taken: readonly SesRequest[];
  /** Sets the answers from now on; by default everything succeeds. */
  answer(decide: (request: SesRequest) => SesReply | Promise<SesReply>): void;
}

/** An HTTP server that speaks SES's query protocol, for answers that the local SES never gives. Closed after the test. */
export async function startSesStandIn(): Promise<SesStandIn> {
  const requests: SesRequest[] = [];
  const taken: SesRequest[] = [];
  let decide: (request: SesRequest) => SesReply | Promise<SesReply> = () => ({});
  const server = await startSesServer(async (request) => {
    requests.push(request);
    const reply = await decide(request);
    if (accepts(request, reply)) taken.push(request);
    return reply;
  });
  onTestFinished(() => server.close());
  return {
    endpoint: server.endpoint,
    requests,
    taken,
    answer(next) {
      decide = next;
    },
  };
}
