import type { SendMessageCommandInput, SQSClient } from '@aws-sdk/client-sqs';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { keepAnswer, withAnswer } from '../runtime/aws-answer.ts';

/**
 * Sends a message to a queue. The caller may then delete the message elsewhere. So an answer without an id is an error: the
 * queue may not have the message.
 * @returns the id of the new message
 */
export async function sendMessage(client: SQSClient, message: SendMessageCommandInput): Promise<string> {
  const command = new SendMessageCommand(message);
  const answer = keepAnswer(command);
  try {
    const { MessageId = '' } = await client.send(command);
    if (MessageId === '') throw new Error('the answer has no message id');
    return MessageId;
  } catch (error) {
    throw withAnswer(error, answer());
  }
}
