import { describe, expect, it } from 'vitest';
import type { Notify } from '../../../../src/watcher/evaluator/evaluate.ts';
import { createBundler } from '../../../../src/watcher/run/bundle.ts';
import { anIssue } from '../../../support/issues.ts';

const ann = { id: '1', email: 'ann@example.com' };
const bob = { id: '2', email: 'bob@example.com' };
const notify = (...recipients: Notify['recipients']): Notify => ({
  verdict: 'notify',
  issue: anIssue(),
  because: 'so',
  recipients,
});

describe('a bundler', () => {
  it('gives a recipient single emails up to the limit, and puts the rest into the summary', () => {
    const bundler = createBundler({ digest: false, maxPerRun: 2 });
    const bundles = [notify(ann), notify(ann, bob), notify(ann, bob)].map((one) =>
      bundler.bundle(one).addressees.map(({ recipient, bundle }) => [recipient.email, bundle]),
    );
    expect(bundles).toEqual([
      [['ann@example.com', null]],
      [
        ['ann@example.com', null],
        ['bob@example.com', null],
      ],
      [
        ['ann@example.com', 'summary'],
        ['bob@example.com', null],
      ],
    ]);
  });

  it('gives a place back when the alert could not be written', () => {
    const bundler = createBundler({ digest: false, maxPerRun: 1 });
    const first = bundler.bundle(notify(ann));
    bundler.release(first);
    bundler.release(bundler.bundle({ ...notify(ann), recipients: [] }));
    expect(bundler.bundle(notify(ann)).addressees[0]?.bundle).toBeNull();
    const over = bundler.bundle(notify(ann));
    expect(over.addressees[0]?.bundle).toBe('summary');
    bundler.release(over);
    expect(bundler.bundle(notify(ann)).addressees[0]?.bundle).toBe('summary');
  });

  it('puts every alert into the digest where there is one', () => {
    const bundler = createBundler({ digest: true, maxPerRun: 1 });
    expect(bundler.bundle(notify(ann, bob)).addressees.map(({ bundle }) => bundle)).toEqual([
      'digest',
      'digest',
    ]);
  });
});
