import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../../src/runtime/errors.ts';
import type { LogFormat, Logger, LogLevel } from '../../../src/runtime/logger.ts';
import { createLogger } from '../../../src/runtime/logger.ts';

function written(format: LogFormat, level: LogLevel, write: (logger: Logger) => void): string[] {
  const lines: string[] = [];
  write(
    createLogger({ format, level, name: 'worker-3', destination: { write: (line) => lines.push(line) } }),
  );
  return lines;
}

describe('mozlog', () => {
  it('is one JSON object a line with the published fields and no other', () => {
    const before = Date.now() * 1e6;
    const [line = '', ...more] = written('mozlog', 'INFO', (log) =>
      log.info('stored 3 events', { lag_ms: 12 }),
    );
    expect(more).toEqual([]);
    expect(line.endsWith('\n')).toBe(true);
    const { Timestamp, ...record } = JSON.parse(line);
    expect(record).toEqual({
      Type: 'bec-alerts.worker-3',
      Logger: 'bec-alerts',
      Hostname: hostname(),
      EnvVersion: '2.0',
      Severity: 6,
      Pid: process.pid,
      Fields: { msg: 'stored 3 events', lag_ms: 12 },
    });
    expect(Number.isInteger(Timestamp)).toBe(true);
    expect(Timestamp).toBeGreaterThanOrEqual(before);
  });

  it.each([
    ['critical', 2],
    ['error', 3],
    ['warning', 4],
    ['info', 6],
    ['debug', 7],
  ] as const)('gives %s syslog’s severity %i', (level, severity) => {
    const [line = ''] = written('mozlog', 'DEBUG', (log) => log[level]('x'));
    expect(JSON.parse(line).Severity).toBe(severity);
  });

  it('flattens an error and its causes into error and traceback', () => {
    const error = new TypeError('outer', { cause: new Error('inner') });
    const [line = ''] = written('mozlog', 'INFO', (log) => log.error('failed', { error }));
    const { Fields } = JSON.parse(line);
    expect(Fields.error).toBe('TypeError: outer: inner');
    expect(Fields.traceback).toMatch(/TypeError: outer[\s\S]*caused by Error: inner/);
  });

  it.each([
    [new CodedError('database_unavailable', 'x', { retryable: true }), false],
    [new CodedError('queue_refused', 'x', { retryable: false }), false],
    [new CodedError('database_failed', 'a fault in our statement', { retryable: false }), true],
    [new CodedError('trigger_failed', 'x', { retryable: true, cause: new Error('boom') }), true],
    [new CodedError('database_unavailable', 'x', { retryable: true, cause: new TypeError('ours') }), true],
  ])('names the code, and has a stack of an unreachable service only at DEBUG: %s', (error, hasStack) => {
    const fields = (level: LogLevel) => {
      const [line = ''] = written('mozlog', level, (log) => log.error('failed', { error }));
      return JSON.parse(line).Fields;
    };
    expect(fields('INFO').error).toMatch(new RegExp(`^${error.code}: `));
    expect('traceback' in fields('INFO')).toBe(hasStack);
    expect(fields('DEBUG').traceback).toContain('logger.test.ts');
  });
});

describe('the level', () => {
  it('leaves out records below it', () => {
    const all = (log: Logger) => {
      log.critical('c');
      log.error('e');
      log.warning('w');
      log.info('i');
      log.debug('d');
    };
    expect(written('mozlog', 'CRITICAL', all)).toHaveLength(1);
    expect(written('mozlog', 'WARNING', all)).toHaveLength(3);
    expect(written('mozlog', 'DEBUG', all)).toHaveLength(5);
  });
});

describe('compose', () => {
  it('is one readable line', () => {
    expect(written('compose', 'INFO', (log) => log.warning('slow', { queue: 'a b', ms: 7 }))).toEqual([
      'worker-3 | WARNING | slow queue="a b" ms=7\n',
    ]);
  });

  it('shows what would move the terminal or break the line', () => {
    const error = new Error('\u001b[2J\u009b0m\u2028\u202edone');
    const [text = ''] = written('compose', 'INFO', (log) =>
      log.error('failed', { id: 'a\u001b[31m', error }),
    );
    expect(text).toMatch(/^worker-3 \| ERROR \| failed id=a\\u\{1b\}\[31m error=/);
    expect(text).toContain('    Error: \\u{1b}[2J\\u{9b}0m\\u{2028}\\u{202e}done\n');
    expect(text).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}]/u);
  });

  it('indents a traceback below', () => {
    const [text = ''] = written('compose', 'INFO', (log) => log.error('failed', { error: new Error('why') }));
    expect(text).toMatch(/^worker-3 \| ERROR \| failed error="Error: why"\n {4}Error: why\n {8}at /);
  });

  it('can’t be split into two lines by untrusted text', () => {
    const [text = ''] = written('compose', 'INFO', (log) =>
      log.info('x', { reason: 'a\nworker-1 | INFO | b' }),
    );
    expect(text.trimEnd()).not.toContain('\n');
  });
});
