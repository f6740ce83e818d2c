import { describe, expect, it } from 'vitest';
import { parsePointer } from '../../../src/domain/pointer.ts';
import { forwarded } from '../../support/events.ts';

const pointer = (s3Url: unknown) => JSON.stringify({ s3Url, eventID: 'e'.repeat(32) });

describe('a pointer message', () => {
  it.each([
    [
      'https://errors.s3.us-west-2.amazonaws.com/7/2026-05-06/abc',
      { bucket: 'errors', region: 'us-west-2', key: '7/2026-05-06/abc' },
    ],
    ['https://errors.s3-eu-west-1.amazonaws.com/7/a', { bucket: 'errors', region: 'eu-west-1', key: '7/a' }],
    [
      'https://my.errors.s3.us-gov-east-1.amazonaws.com/a%20b',
      { bucket: 'my.errors', region: 'us-gov-east-1', key: 'a b' },
    ],
    [
      'https://My_Old.Errors.s3.eusc-de-east-1.amazonaws.com/7/A%2Fb',
      { bucket: 'My_Old.Errors', region: 'eusc-de-east-1', key: '7/A/b' },
    ],
    [
      'https://errors.s3.us-isob-east-1.amazonaws.com/7/a',
      { bucket: 'errors', region: 'us-isob-east-1', key: '7/a' },
    ],
    [
      'HTTPS://errors.S3.AP-SOUTHEAST-4.amazonaws.com/7/a',
      { bucket: 'errors', region: 'ap-southeast-4', key: '7/a' },
    ],
  ])('at %s says where its event is stored', (url, location) => {
    expect(parsePointer(pointer(url))).toEqual({ location });
  });

  it.each([
    'https://169.254.169.254/latest/meta-data',
    'https://errors.s3.us-west-2.amazonaws.com.evil.example/7/a',
    'https://evil.example/errors.s3.us-west-2.amazonaws.com/7',
    'http://errors.s3.us-west-2.amazonaws.com/7/a',
    'https://errors.s3.us-west-2.amazonaws.com:8443/7/a',
    'https://user@errors.s3.us-west-2.amazonaws.com/7/a',
    'https://errors.s3.us-west-2.amazonaws.com/7/a?versionId=1',
    'https://errors.s3.us-west-2.amazonaws.com/7/a#part',
    'https://err/ors.s3.us-west-2.amazonaws.com/7/a',
    'https://errors.s3.us-west-2.amazonaws.com@evil.example/7/a',
    'https://errors.s3.localhost.amazonaws.com/7/a',
    'https://errors.s3.us-west-2.amazonaws.com/',
    'https://errors.s3.us-west-2.amazonaws.com/%ff',
    'file:///etc/passwd',
    'nonsense',
    42,
    null,
  ])('at %j is refused', (url) => {
    expect(parsePointer(pointer(url))).toMatchObject({ rejection: { reason: 'invalid_s3_url' } });
  });

  it.each([
    ['an event', JSON.stringify(forwarded())],
    [
      'an event that has the key below its top level',
      JSON.stringify(forwarded({ contexts: { s3Url: 'https://evil.example/' } })),
    ],
    ['an event that has the key', JSON.stringify(forwarded({ s3Url: 'https://evil.example/' }))],
    ['broken JSON', '{"s3Url":'],
    ['a long text', `{"s3Url":"https://a.s3.us-west-2.amazonaws.com/b","x":"${'x'.repeat(5_000)}"}`],
    ['a prototype’s key', '{"__proto__":{"s3Url":"https://a.s3.us-west-2.amazonaws.com/b"}}'],
  ])('is not %s', (_what, body) => {
    expect(parsePointer(body)).toBeNull();
  });
});
