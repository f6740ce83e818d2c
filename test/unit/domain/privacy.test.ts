import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanPlace, cleanText } from '../../../src/domain/privacy.ts';

describe('a module or a frame’s file', () => {
  it.each([
    [
      'jar:file:///C:/Users/NAME/AppData/Roaming/Mozilla/Firefox/Profiles/abc.default/extensions/x.xpi!/bootstrap.js',
      'jar:file:///C:/Users/…/AppData/Roaming/Mozilla/Firefox/Profiles/…/extensions/x.xpi!/bootstrap.js',
    ],
    ['https://app.example/a.js?token=1', 'https://app.example/a.js'],
    ['https://app.example/a.js#/users/ann', 'https://app.example/a.js'],
    ['https://ann:secret@app.example/a.js', 'https://app.example/a.js'],
    ['https://ann:p@ss@app.example/a.js', 'https://app.example/a.js'],
    ['/static/app.js?session=1', '/static/app.js'],
    ['app.js?session=1', 'app.js'],
    ['file:///home/ann/.mozilla/firefox/abc.default-release/x.js', 'file:///home/…/.mozilla/firefox/…/x.js'],
    ['/Users/jane doe/Library/x.js', '/Users/…/Library/x.js'],
    ['C:\\Users\\Jörg Müller\\x.js', 'C:\\Users\\…\\x.js'],
    ['C:\\Users\\ANN~1\\AppData\\Local\\Temp\\x.js', 'C:\\Users\\…\\AppData\\Local\\Temp\\x.js'],
    ['C:/Documents and Settings/ann b/x.js', 'C:/Documents and Settings/…/x.js'],
    ['\\\\server\\Users\\ann\\x.js', '\\\\server\\Users\\…\\x.js'],
    ['/mnt/c/Users/ann/x.js', '/mnt/c/Users/…/x.js'],
    ['/var/home/ann/x.js', '/var/home/…/x.js'],
    ['/home/ann', '/home/…'],
    [
      '/data/user/10/org.mozilla.firefox/files/mozilla/abc.default/x.js',
      '/data/user/…/org.mozilla.firefox/files/mozilla/…/x.js',
    ],
    ['data:text/javascript;base64,QUJD', 'data:text/javascript;base64,…'],
    ['about:reader?url=https%3A%2F%2Fsecret.example%2Fpage', 'about:reader'],
    ['file://localhost/Users/ann/a.js', 'file://localhost/Users/…/a.js'],
    ['/Volumes/Macintosh HD/Users/ann/a.js', '/Volumes/Macintosh HD/Users/…/a.js'],
    ['\\Users\\ann\\x.js', '\\Users\\…\\x.js'],
    ['\\\\?\\C:\\Users\\ann\\x.js', 'C:\\Users\\…\\x.js'],
    ['https://app.example/u/ann%40example.com/y.js', 'https://app.example/u/<email>/y.js'],
    ['D:\\Thunderbird\\Profiles\\ann\\x.js', 'D:\\Thunderbird\\Profiles\\…\\x.js'],
    ['https://203.0.113.9:8443/a.js', 'https://<ip>:8443/a.js'],
    ['http://[2001:db8::7]/a.js', 'http://[<ip>]/a.js'],
  ])('%s is kept as %s', (place, expected) => {
    expect(cleanPlace(place)).toBe(expected);
    expect(cleanPlace(expected)).toBe(expected);
  });

  it.each([
    'resource:///modules/sessionstore/SessionStore.sys.mjs',
    'chrome://browser/content/browser.js',
    'moz-extension://3b1f0000-0000-0000-0000-000000000000/content.js',
    'https://example.com/home/products/app.js',
    'https://example.com/users/list.js',
    'webpack:///./src/index.js',
    'resource:///modules/profiles/SelectableProfileService.sys.mjs',
    'chrome://browser/content/profiles/profile-card.mjs',
    'https://cdn.example/x@1.2.3.min.js',
    'push@background.js:12:3',
    'node_modules/lodash@4.17.21/index.js',
    'extensions/uBlock0@raymondhill.net.xpi!/bootstrap.js',
    'com.example.Main',
    'mozilla::dom::Promise',
    'app',
  ])('%s is kept as it is', (place) => {
    expect(cleanPlace(place)).toBe(place);
  });
});

describe('a title', () => {
  it.each([
    ["open 'C:\\Users\\Jörg Müller\\a.txt' failed", "open 'C:\\Users\\…\\a.txt' failed"],
    [
      'GET https://a.example/c?d=e&f failed (https://a.example/x?y).',
      'GET https://a.example/c failed (https://a.example/x).',
    ],
    ['at https://a.example/x.js?v=1:10:5', 'at https://a.example/x.js:10:5'],
    ['Failed to load /api/user?email=ann@example.com: 500', 'Failed to load /api/user: 500'],
    ['mail ann.b+c@example.co.uk from 10.1.2.3 or fe80::1', 'mail <email> from <ip> or <ip>'],
    ['/home/ann and /Users/bob/x', '/home/… and /Users/…/x'],
    ['GET api/v1/users?token=1 failed', 'GET api/v1/users failed'],
    ['[/api/user?token=1]', '[/api/user]'],
    ['www.example.com/a?token=1 failed', 'www.example.com/a failed'],
    ['about:neterror?e=x&u=https%3A//secret.example failed', 'about:neterror failed'],
    ['data:application/json;base64,QWxpY2U= failed', 'data:application/json;base64,… failed'],
    ['for jürgen@müller.de', 'for <email>'],
    ['postgres://bob:pw@db.example/x', 'postgres://db.example/x'],
  ])('%s is kept as %s', (text, expected) => {
    expect(cleanText(text)).toBe(expected);
  });

  it.each([
    'TypeError: x is undefined',
    'can\'t access property "a?.b#c", x is null',
    'took 12:00:00 to start version 140.0.1',
    'dead::beef is not an address',
    'Is this a question? Yes #1',
    'a@b is too short',
    'a ? b?c=1 : d',
  ])('%s is kept as it is', (text) => {
    expect(cleanText(text)).toBe(text);
  });
});

// Names that nothing else in a path or URL contains.
const name = fc
  .string({
    unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyzÄéñ0123456789_-'),
    minLength: 5,
    maxLength: 20,
  })
  .map((text) => `q${text}x`);
const home = fc.constantFrom(
  (user: string) => `C:\\Users\\${user}\\AppData\\x.js`,
  (user: string) => `C:/Users/${user}/x.js`,
  (user: string) => `file:///D:/Users/${user}/x.js`,
  (user: string) => `jar:file:///c:/users/${user}/AppData/x.xpi!/y.js`,
  (user: string) => `/home/${user}/project/x.js`,
  (user: string) => `file:///home/${user}/x.js`,
  (user: string) => `/Users/${user}/Library/x.js`,
  (user: string) => `/var/home/${user}/x.js`,
  (user: string) => `/home/someone/.mozilla/firefox/${user}.default/x.js`,
  (user: string) => `/Users/someone/Library/Application Support/Firefox/Profiles/${user}.default/x.js`,
  (user: string) => `/data/data/org.mozilla.firefox/files/mozilla/${user}.default/x.js`,
);
const url = fc.constantFrom(
  (secret: string) => `https://app.example/a.js?${secret}`,
  (secret: string) => `https://app.example/a.js?token=${secret}&b=c`,
  (secret: string) => `https://app.example/#${secret}`,
  (secret: string) => `https://${secret}:pw@app.example/a.js`,
  (secret: string) => `https://user:${secret}@app.example/`,
  (secret: string) => `ftp://app.example/a?b#${secret}`,
  (secret: string) => `blob:https://app.example/x?${secret}`,
);

describe('with any name', () => {
  it('no home folder, profile, query, fragment or credential keeps it, in a place or a title', () => {
    fc.assert(
      fc.property(name, fc.oneof(home, url), fc.string({ maxLength: 20 }), (secret, make, around) => {
        const place = make(secret);
        expect(cleanPlace(place)).not.toContain(secret);
        fc.pre(!around.includes(secret));
        for (const text of [place, `${around} ${place} ${around}`, `open '${place}' failed`, `(${place})`]) {
          expect(cleanText(text)).not.toContain(secret);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('no email and no address is kept', () => {
    const email = fc
      .tuple(name, name)
      .map(([user, host]) => `${user.replace(/[Äéñ]/g, 'a')}@${host.replace(/[Äéñ_]/g, 'a')}.example`);
    fc.assert(
      fc.property(fc.oneof(email, fc.ipV4(), fc.ipV6()), (address) => {
        // fast-check writes IPv6 addresses without a digit too.
        fc.pre(/\d/.test(address));
        expect(cleanText(`from ${address} came`)).toMatch(/^from <(email|ip)> came$/);
      }),
      { numRuns: 2_000 },
    );
  });

  it('cleaning twice changes nothing more', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), (text) => {
        expect(cleanText(cleanText(text))).toBe(cleanText(text));
        expect(cleanPlace(cleanPlace(text))).toBe(cleanPlace(text));
      }),
      { numRuns: 2_000 },
    );
    for (const hard of ['/home/', 'C:\\Users\\', 'a@', '::', '1.1.', 'https://a?', '/Profiles/', ' -> ']) {
      expect(cleanText(hard.repeat(1_000)).length).toBeLessThan(20_000);
    }
  });
});
