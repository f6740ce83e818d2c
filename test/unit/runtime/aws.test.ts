import { describe, expect, it } from 'vitest';
import { longestPoll } from '../../../src/runtime/aws.ts';

describe('the longest poll', () => {
  it.each([
    [600, 20],
    [22, 20],
    [12.5, 10],
    [2.5, 0],
    [0.1, 0],
  ])('with a read timeout of %s s is %s s', (readTimeoutSeconds, seconds) => {
    expect(longestPoll({ connectTimeoutSeconds: 5, readTimeoutSeconds })).toBe(seconds);
  });
});
