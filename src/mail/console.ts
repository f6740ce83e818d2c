import type { Mailer } from './mailer.ts';

/** Prints emails instead of sending them. @param output called with whole lines */
export function createConsoleMailer(output: (text: string) => void): Mailer {
  return {
    async send(email) {
      const body = email.text.trimEnd().replace(/^(?=.)/gm, '    ');
      output(`To: ${email.to}\nSubject: ${email.subject}\n\n${body}\n\n`);
      return null;
    },
    maxSendRate: async () => Number.POSITIVE_INFINITY,
    close() {},
  };
}
