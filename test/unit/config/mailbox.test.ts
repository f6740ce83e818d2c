import { describe, expect, it } from 'vitest';
import { isEmail } from '../../../src/config/is-email.ts';
import { mailbox } from '../../../src/config/mailbox.ts';

describe('an email address', () => {
  it.each(['a@example.com', 'first.last+tag@mail.example.co.uk'])('can be %s', (address) => {
    expect(isEmail(address)).toBe(true);
  });

  it.each(['', 'a', 'a@', '@b.c', 'a b@c.d', 'ä@example.com', 'a@b@c', 'a@b\r\nBcc: x@y.z', `<a@b.c>`])(
    'can’t be %j',
    (address) => {
      expect(isEmail(address)).toBe(false);
    },
  );
});

describe('a sender', () => {
  it.each([
    ['alerts@example.com', '', 'alerts@example.com'],
    ['Browser alerts <alerts@example.com>', 'Browser alerts', 'alerts@example.com'],
    ['  "Alerts, Firefox" <alerts@example.com> ', 'Alerts, Firefox', 'alerts@example.com'],
    ['Störungen 🦊 <alerts@example.com>', 'Störungen 🦊', 'alerts@example.com'],
    ['<alerts@example.com>', '', 'alerts@example.com'],
  ])('can be %s', (given, name, address) => {
    expect(mailbox.parse(given)).toEqual({ name, address });
  });

  it.each([
    'Browser alerts',
    'Browser alerts alerts@example.com',
    'alerts@example.com (Browser alerts)',
    'a@example.com, b@example.com',
    'Alerts: a@example.com;',
    'Alerts <a@-x.com>',
    'Alerts <ä@example.com>',
    'Alerts <mailto:a@example.com>',
    'Alerts <<a@example.com>>',
    'Alerts <a@example.com> and more',
    'Alerts\r\nBcc: victim@example.com <a@example.com>',
    'Alerts \u202egnp <a@example.com>',
    `${'x'.repeat(101)} <a@example.com>`,
  ])('can’t be %j', (given) => {
    expect(mailbox.safeParse(given).error?.issues.map(({ message }) => message)).toEqual([
      'must be an ASCII email address, or a name of at most 100 characters with one: Browser alerts <alerts@example.com>',
    ]);
  });
});
