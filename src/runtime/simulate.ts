import type { SenderOptions } from './send-event.ts';
import { sendEvent } from './send-event.ts';

class SimulatedError extends Error {
  override readonly name = 'SimulatedError';
}

/**
 * Raises a real error and sends it with Sentry's SDK.
 * @returns the event's id
 * @throws Error if the server doesn't accept it
 */
export async function sendSimulatedError(
  dsn: string,
  message: string,
  { traceback, ...options }: Omit<SenderOptions, 'environment'> & { readonly traceback: boolean },
): Promise<string> {
  const what = traceback ? raised(message) : message;
  // The stack is always the same. Without the message in the fingerprint Sentry would group all simulated errors.
  const event = { what, fingerprint: ['{{ default }}', message] };
  return await sendEvent(dsn, event, { ...options, environment: 'simulated' });
}

/** Returns an error whose stack has several frames. */
function raised(message: string): Error {
  try {
    throwDeeply(message, 3);
    return new SimulatedError(message);
  } catch (error) {
    return error instanceof Error ? error : new SimulatedError(message);
  }
}

function throwDeeply(message: string, depth: number): void {
  if (depth === 0) throw new SimulatedError(message);
  throwDeeply(message, depth - 1);
}
