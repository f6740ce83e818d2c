import type { DeserializeMiddleware, MiddlewareStack } from '@smithy/types';
import { oneLine } from '../domain/text.ts';
import { messageOf } from './errors.ts';

/** A client or a command of the SDK. */
interface Intercepted<Input extends object, Output extends object> {
  readonly middlewareStack: MiddlewareStack<Input, Output>;
}

const MOST_SHOWN = 200;

/**
 * Keeps the text of a command's answer. A wrong endpoint or a proxy can answer 200 with anything, which the SDK reads as an
 * answer without fields.
 * @returns describes the answer: its status and the first 200 characters; an empty text before there is one
 */
export function keepAnswer<Input extends object, Output extends object>({
  middlewareStack,
}: Intercepted<Input, Output>): () => string {
  let kept: { readonly status: number | undefined; readonly body: Uint8Array } | undefined;
  const keep: DeserializeMiddleware<Input, Output> = (next) => async (args) => {
    const result = await next(args);
    const response = result.response as { statusCode?: number; body?: unknown };
    const body = await bytesOf(response.body);
    response.body = body;
    kept = { status: response.statusCode, body };
    return result;
  };
  // After the SDK's own step, which reads the body.
  middlewareStack.add(keep, { step: 'deserialize', priority: 'low', name: 'keepAnswer', override: true });
  return () => {
    if (kept === undefined) return '';
    const text = oneLine(new TextDecoder().decode(kept.body.subarray(0, 4 * MOST_SHOWN)), MOST_SHOWN);
    return `HTTP ${kept.status}, ${text === '' ? 'an empty body' : text}`;
  };
}

/**
 * The error of a command, with the text of an answer that is not one of AWS. Errors that AWS answered stay as they are.
 * @param answer the text of `keepAnswer`
 */
export function withAnswer(thrown: unknown, answer: string): unknown {
  const isFromAws = thrown instanceof Error && '$fault' in thrown;
  if (isFromAws || answer === '') return thrown;
  return new Error(`${messageOf(thrown)}; it came: ${answer}`, { cause: thrown });
}

async function bytesOf(body: unknown): Promise<Uint8Array> {
  if (body instanceof Uint8Array) return body;
  const chunks: Uint8Array[] = [];
  if (body !== undefined && body !== null) {
    for await (const chunk of body as AsyncIterable<Uint8Array>) chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
