import { describe, expect, it } from 'vitest';
import { compareEmails } from '../../soak/compare.ts';

const life = (killed: boolean) => ({ pid: 1, killed });
const alert = (key: string, sesMessageId: string | null) => ({ key, status: 'sent', sesMessageId });
const email = (alert: string, sesMessageId: string, sender: { pid: number; killed: boolean }) => ({
  alert,
  sesMessageId,
  life: sender,
});

describe('comparing the emails that SES accepted with the alerts', () => {
  it('finds no difference if each alert has the email that it is marked with', () => {
    const sender = life(false);
    const accepted = [email('a', '1', sender), email('b', '2', sender)];
    expect(compareEmails(accepted, [alert('a', '1'), alert('b', '2')])).toEqual({
      emails: { accepted: 2, sentTwice: 0, killedBeforeMark: 0 },
      differences: [],
    });
  });

  it('allows a second email if the watcher of the first one was killed before the mark', () => {
    const accepted = [email('a', '1', life(true)), email('a', '2', life(false))];
    expect(compareEmails(accepted, [alert('a', '2')])).toEqual({
      emails: { accepted: 2, sentTwice: 1, killedBeforeMark: 1 },
      differences: [],
    });
  });

  it('refuses a second email of a watcher that was not killed', () => {
    const accepted = [email('a', '1', life(false)), email('a', '2', life(false))];
    expect(compareEmails(accepted, [alert('a', '2')]).differences).toHaveLength(1);
  });

  it('refuses a second email that a killed watcher sent before its last one', () => {
    const killed = life(true);
    const accepted = [email('a', '1', killed), email('b', '2', killed), email('a', '3', life(false))];
    const { differences } = compareEmails(accepted, [alert('a', '3'), alert('b', '2')]);
    expect(differences).toEqual([expect.stringMatching(/accepted it and its alert doesn't know: a$/)]);
  });

  it.each([
    ['no email', null],
    ['the email of another alert', '2'],
  ])('refuses an alert that is marked with %s', (_, marked) => {
    const accepted = [email('b', '2', life(false))];
    const { differences } = compareEmails(accepted, [alert('b', '2'), alert('a', marked)]);
    expect(differences).toEqual([expect.stringMatching(/did not accept the email of the alert a$/)]);
  });
});
