import { describe, expect, it } from 'vitest';
import { MAX_TAG_VALUE, NO_TAGS, readTags } from '../../../src/domain/tags.ts';

const tag = (key: unknown, value: unknown) => ({ key, value });

describe('the tags of an event', () => {
  it('are Sentry’s, a browser by its major version and a system by its name', () => {
    const tags = [
      tag('release', 'firefox@140.0.1'),
      tag('environment', 'nightly'),
      tag('browser', 'Firefox 140.0.1'),
      tag('os', 'Mac OS X 15.6'),
      tag('user', 'id:42'),
      tag('url', 'https://example.com/?token=1'),
    ];
    expect(readTags({ tags })).toEqual({
      release: 'firefox@140.0.1',
      environment: 'nightly',
      browser: 'Firefox 140',
      os: 'Mac OS X',
    });
  });

  it.each([
    ['Firefox 140', 'Firefox 140'],
    ['Mobile Safari UI/WKWebView 18.5', 'Mobile Safari UI/WKWebView 18'],
    ['Firefox', 'Firefox'],
    ['Samsung Internet 28.0', 'Samsung Internet 28'],
  ])('name the browser %s %s', (value, expected) => {
    expect(readTags({ tags: [tag('browser', value)] }).browser).toBe(expected);
  });

  it.each([
    ['Windows 10', 'Windows'],
    ['Windows', 'Windows'],
    ['Ubuntu 24.04', 'Ubuntu'],
    ['Windows NT 10.0', 'Windows NT'],
  ])('name the system %s %s', (value, expected) => {
    expect(readTags({ tags: [tag('os', value)] }).os).toBe(expected);
  });

  it('have no user data and no line breaks', () => {
    const tags = [tag('release', 'app@C:\\Users\\ann'), tag('environment', 'a\nb ann@example.com')];
    expect(readTags({ tags })).toMatchObject({ release: 'app@C:\\Users\\…', environment: 'a b <email>' });
  });

  it('are read from the contexts where Sentry’s tags lack them', () => {
    const contexts = {
      browser: { name: 'Chrome', version: '144.0.0' },
      os: { name: 'Android', version: '15' },
    };
    expect(readTags({ contexts })).toMatchObject({ browser: 'Chrome 144', os: 'Android' });
    expect(readTags({ contexts: { browser: { name: 'Chrome' }, client_os: { name: 'iOS' } } })).toMatchObject(
      {
        browser: 'Chrome',
        os: 'iOS',
      },
    );
    expect(
      readTags({ tags: [tag('os.name', 'Linux'), tag('browser.name', 'Chrome')], contexts }),
    ).toMatchObject({
      browser: 'Chrome 144',
      os: 'Linux',
    });
  });

  it.each([
    [{}],
    [{ tags: 'x', contexts: 7 }],
    [{ tags: [null, 7, tag(null, 'x'), tag('release', null), tag('release', ' '), tag('os', {})] }],
    [{ contexts: { browser: 'Firefox', os: [] } }],
  ])('are all missing in %j', (json) => {
    expect(readTags(json)).toEqual(NO_TAGS);
  });

  it('are bounded, and fit to store', () => {
    const { release, browser, os } = readTags({
      tags: [
        tag('release', `a\u0000${'r'.repeat(1_000_000)}`),
        tag('browser', `${'9 '.repeat(500_000)}`),
        tag('os', `${' '.repeat(500_000)}x${' 1'.repeat(500_000)}`),
      ],
    });
    expect(release).toBe(`a\uFFFD${'r'.repeat(MAX_TAG_VALUE - 3)}…`);
    expect(browser?.length).toBeLessThanOrEqual(MAX_TAG_VALUE);
    expect(os?.length ?? 0).toBeLessThanOrEqual(MAX_TAG_VALUE);
  });
});
