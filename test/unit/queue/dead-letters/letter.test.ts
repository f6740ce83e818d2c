import { describe, expect, it } from 'vitest';
import { textAttribute, toDeadLetter } from '../../../../src/queue/dead-letters/letter.ts';

describe('the text of an attribute', () => {
  it.each([
    ['plain\ttext\n', 'plain\ttext\n'],
    ['a\u0000b\u001bc\u007fd', 'a\uFFFDb\uFFFDc\uFFFDd'],
    ['cut \ud83d', 'cut \uFFFD'],
    ['kept 💥', 'kept 💥'],
    ['\uffff\ufffe', '\uFFFD\uFFFD'],
    ['', '-'],
  ])('of %j becomes a value that SQS accepts', (value, expected) => {
    expect(textAttribute(value)).toEqual({ DataType: 'String', StringValue: expected });
  });
});

describe('a letter without a reason', () => {
  it('was moved by the redrive policy', () => {
    expect(toDeadLetter({ Body: 'no JSON' }).reason).toBe('received_too_often');
  });

  it('has it read from its body where that left no room for attributes', () => {
    expect(toDeadLetter({ Body: `no JSON ${'x'.repeat(300_000)}` }).reason).toBe('invalid_json');
    const event = JSON.stringify({ eventID: 'e', groupID: 'g', title: 'x'.repeat(300_000) });
    expect(toDeadLetter({ Body: event }).reason).toBe('received_too_often');
  });

  it('keeps the attributes that others gave it, and no others', () => {
    const text = (StringValue: string) => ({ DataType: 'String', StringValue });
    const MessageAttributes = { reason: text('invalid_json'), trace: text('1') };
    expect(toDeadLetter({ Body: 'x', MessageAttributes })).toMatchObject({
      reason: 'invalid_json',
      attributes: { trace: text('1') },
    });
  });
});
