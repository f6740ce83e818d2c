import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { loadTemplate } from '../../src/mail/alert-template.ts';
import { loadDigest } from '../../src/mail/digest.ts';
import { shownIssue } from '../../src/mail/format.ts';
import type { Email } from '../../src/mail/mailer.ts';
import { alertSubject } from '../../src/mail/subject.ts';
import { PREVIEW_ALERTS, PREVIEW_DIGEST } from './alerts.ts';

// `npm run email-preview [FOLDER]`: writes the built-in email of several made-up alerts to files. With Chromium it also
// makes pictures, wide and narrow, light and dark.
const folder = resolve(process.argv[2] ?? '.dev/emails');
const WIDTHS = { wide: 1_200, narrow: 375 };
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  existsSync,
);
const run = promisify(execFile);

const template = await loadTemplate('basic-alert', null);
await mkdir(folder, { recursive: true });
for (const [name, alert] of Object.entries(PREVIEW_ALERTS)) {
  const subject = alertSubject(alert.issue.message, alert.trigger, alert.subjectPrefix);
  await preview(name, { subject, ...template.render({ ...alert, issue: shownIssue(alert.issue) }) });
}
await preview('digest', (await loadDigest())(PREVIEW_DIGEST));
if (CHROMIUM === undefined) console.log('no pictures, because Chromium was not found');

async function preview(name: string, email: Pick<Email, 'subject' | 'text' | 'html'>): Promise<void> {
  const { subject, text, html } = email;
  await writeFile(join(folder, `${name}.txt`), `Subject: ${subject}\n\n${text}`);
  const page = join(folder, `${name}.html`);
  await writeFile(page, html ?? '');
  console.log(page);
  if (CHROMIUM === undefined) return;
  for (const [size, width] of Object.entries(WIDTHS)) {
    for (const scheme of ['light', 'dark'] as const) {
      const picture = join(folder, `${name}-${size}-${scheme}.png`);
      await screenshot(CHROMIUM, page, picture, width, scheme);
      console.log(picture);
    }
  }
}

/**
 * Headless Chromium makes no window narrower than 500 px, so the page is in a frame of the width asked. The
 * frame's page sees the frame's width in its media queries, and the browser's colour scheme.
 */
async function screenshot(
  browser: string,
  page: string,
  picture: string,
  width: number,
  scheme: 'light' | 'dark',
): Promise<void> {
  const profile = await mkdtemp(join(tmpdir(), 'bec-alerts-preview-'));
  const height = 1_500;
  try {
    const frame = join(profile, 'frame.html');
    const style = `margin:0;color-scheme:light dark`;
    await writeFile(
      frame,
      `<!DOCTYPE html><meta name="color-scheme" content="light dark"><body style="${style}"><iframe src="${pathToFileURL(page).href}" style="border:0;width:${width}px;height:${height}px"></iframe>`,
    );
    await run(
      browser,
      [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--hide-scrollbars',
        `--user-data-dir=${profile}`,
        `--blink-settings=preferredColorScheme=${scheme === 'dark' ? 0 : 1}`,
        `--window-size=${Math.max(width, 500)},${height}`,
        `--screenshot=${picture}`,
        pathToFileURL(frame).href,
      ],
      { timeout: 60_000 },
    );
  } finally {
    await rm(profile, { recursive: true, force: true });
  }
}
