import { describe, expect, it } from 'vitest';
import {
  CodedError,
  fromWire,
  isServiceFault,
  messageOf,
  stackOf,
  toWire,
} from '../../../src/runtime/errors.ts';

describe('the message of an error', () => {
  it('goes on with its causes, and repeats nothing that it quotes already', () => {
    const refused = new Error('connect ECONNREFUSED 127.0.0.1:1');
    const quoting = new Error(`asking failed (${refused.message})`, { cause: refused });
    expect(messageOf(quoting)).toBe('asking failed (connect ECONNREFUSED 127.0.0.1:1)');
    expect(messageOf(new Error('no turn', { cause: quoting }))).toBe(
      'no turn: asking failed (connect ECONNREFUSED 127.0.0.1:1)',
    );
  });

  it('names each address that was tried, where Node joins them without a message', () => {
    const joined = new AggregateError([new Error('connect ::1'), new Error('connect 127.0.0.1')]);
    expect(messageOf(new Error('asking failed', { cause: joined }))).toBe(
      'asking failed: connect ::1, connect 127.0.0.1',
    );
  });

  it('leaves out the hint that the AWS SDK adds for a debugger', () => {
    const hint = 'Deserialization error: to see the raw response, inspect the hidden field {error}.$response';
    expect(messageOf(new Error(`socket hang up\n  ${hint} on this object.`))).toBe('socket hang up');
  });

  it('is had of anything that was thrown', () => {
    expect(messageOf('text')).toBe('text');
    expect(messageOf(undefined)).toBe('undefined');
    expect(messageOf(Object.create(null))).toBe('[object Object]');
    const odd = Object.assign(new Error(), { message: Object.create(null), stack: Object.create(null) });
    expect(messageOf(odd)).toBe('[object Object]');
    expect(stackOf(odd)).toBe('[object Object]');
  });

  it('crosses a process boundary with its stack, and with its code where a service is at fault', () => {
    const away = new CodedError('database_unavailable', 'asking failed', { retryable: true });
    const received = fromWire(JSON.parse(JSON.stringify(toWire(away))));
    expect(received).toMatchObject({
      code: 'database_unavailable',
      retryable: true,
      message: 'asking failed',
    });
    expect(received.stack).toBe(away.stack);
    expect(isServiceFault(received)).toBe(true);
    const ours = new CodedError('database_unavailable', 'asking failed', {
      retryable: true,
      cause: new TypeError('x'),
    });
    expect(isServiceFault(fromWire(JSON.parse(JSON.stringify(toWire(ours)))))).toBe(false);
  });

  it('ends where an error is its own cause', () => {
    const error = new Error('round');
    error.cause = error;
    expect(messageOf(error)).toBe('round');
  });
});
