import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const text = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const below = (folder: string, ending: string) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(ending))
    .map((path) => join(folder, path));

const DOCUMENTS = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...below('docs', '.md'),
  ...below('deploy', '.md'),
  'sentry/README.md',
];
const OPERATIONS = text('docs/operations.md');
const SOURCE = [...below('src', '.ts'), 'sentry/sqs_plugin.py'].map(text).join('\n');

/** As GitHub makes them of headings. */
function anchorsOf(document: string): string[] {
  return [...document.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('the documents', () => {
  it.each(DOCUMENTS)('%s links to pages that exist', (document) => {
    const broken = [...text(document).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^(https?|mailto):/.test(target))
      .filter((target) => {
        const [path = '', anchor] = target.split('#');
        const file = path === '' ? document : relative(ROOT, join(ROOT, dirname(document), path));
        if (!existsSync(join(ROOT, file))) return true;
        return anchor !== undefined && !anchorsOf(text(file)).includes(anchor);
      });
    expect(broken).toEqual([]);
  });

  it.each(['docs/architecture.md', 'CONTRIBUTING.md'])('%s names files that exist', (document) => {
    const files = [
      ...['src', 'dev', 'test', 'docs'].flatMap((folder) => below(folder, '')),
      ...readdirSync(ROOT),
    ];
    const named = [...text(document).matchAll(/`(?:\.\.\/)*([\w./-]+\.(?:ts|md|sh|sql))`/g)].map(
      ([, name = '']) => name,
    );
    expect(named.length).toBeGreaterThan(5);
    const missing = named.filter((name) => !files.some((file) => file === name || file.endsWith(`/${name}`)));
    expect(missing).toEqual([]);
  });

  it('explain every reason of a dead letter', () => {
    const [, union = ''] = /REJECTION_REASONS =([^;]*);/.exec(text('src/domain/rejection.ts')) ?? [];
    const reasons = [...union.matchAll(/'(\w+)'/g)].map(([, reason = '']) => reason);
    expect(reasons.length).toBeGreaterThan(8);
    for (const reason of reasons) expect(OPERATIONS).toContain(`\`${reason}\``);
  });

  it('explain messages that exist', () => {
    const [, section = ''] =
      /^## What a message means$(.*?)^Reasons of dead letters/ms.exec(OPERATIONS) ?? [];
    const messages = section
      .split('\n')
      .filter((line) => line.startsWith('| ') && line.includes('`'))
      .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)])
      .map(([, message = '']) => message);
    expect(messages.length).toBeGreaterThan(20);
    // Words in capitals, and numbers, are placeholders; an operation fails at something.
    const pieces = messages.flatMap((message) => message.split(/\b[A-Z]+\b|\d+ s\b|\bfailed(?: at)?\b/));
    const source = SOURCE.replaceAll('`', '');
    const missing = pieces
      .map((piece) => piece.trim())
      .filter((piece) => piece.length > 5 && !source.includes(piece));
    expect(missing).toEqual([]);
  });

  it('name policies that are JSON, with the actions of the commands that the code sends', () => {
    const actions = (name: string): string[] =>
      JSON.parse(text(`docs/iam/${name}.json`)).Statement.flatMap(
        ({ Action }: { Action: string | string[] }) => Action,
      );
    const sent = (folder: string) =>
      below(folder, '.ts').flatMap((file) =>
        [...text(file).matchAll(/new (\w+?)(?:Batch)?Command\(/g)].map(([, action = '']) => action),
      );
    const allowed = (service: string, name: string) =>
      actions(name)
        .filter((action) => action.startsWith(`${service}:`))
        .map((action) => action.slice(service.length + 1));
    for (const action of sent('src/queue').filter((one) => one !== 'GetObject')) {
      expect(allowed('sqs', 'processor'), action).toContain(action);
    }
    // Without ListBucket S3 answers `AccessDenied` for an object that isn't there, and the message would be tried for ever.
    expect(allowed('s3', 'processor')).toEqual(['GetObject', 'ListBucket']);
    expect(allowed('ses', 'watcher').sort()).toEqual(sent('src/mail').sort());
    expect(actions('sentry')).toEqual(['sqs:SendMessage', 's3:PutObject']);
  });
});

describe('the commands that set up SES’s events', () => {
  const [, section = ''] = /^## Bounces$(.*?)^## /ms.exec(OPERATIONS) ?? [];
  const [, block = ''] = /```sh\n(.*?)```/s.exec(section) ?? [];
  const policy = (name: string) => JSON.parse(text(`docs/iam/${name}.json`)).Statement[0];

  it('are five, and use the names of the policies and of the watcher’s variables', () => {
    expect(block.match(/^aws .*/gm)).toHaveLength(5);
    const [, topic] = /create-topic --name (\S+)/.exec(block) ?? [];
    const [, queue] = /create-queue --queue-name (\S+)/.exec(block) ?? [];
    expect(policy('ses-events-topic').Resource).toBe(`arn:aws:sns:REGION:ACCOUNT:${topic}`);
    expect(policy('ses-events-queue').Resource).toBe(`arn:aws:sqs:REGION:ACCOUNT:${queue}`);
    expect(policy('ses-events-queue').Condition.ArnEquals).toEqual({
      'aws:SourceArn': policy('ses-events-topic').Resource,
    });
    expect(text('docs/iam/watcher.json')).toContain(`"arn:aws:sqs:REGION:ACCOUNT:${queue}"`);
    const [, set] = /create-configuration-set --configuration-set Name=(\S+)/.exec(block) ?? [];
    expect(block).toContain(`--configuration-set-name ${set} `);
    expect(section).toContain(`\`SES_CONFIGURATION_SET=${set}\` and \`SES_EVENTS_QUEUE_NAME=${queue}\``);
    for (const [, service, name] of block.matchAll(/arn:aws:(sns|sqs):us-west-2:123456789012:(\w+)/g)) {
      expect(name).toBe(service === 'sns' ? topic : queue);
    }
    expect(block).toContain('MatchingEventTypes=bounce,complaint,reject,');
  });
});
