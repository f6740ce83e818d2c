import type { Issue } from '../../src/domain/issue.ts';

/** An issue as a trigger gets it. */
export function anIssue(overrides: Partial<Issue> = {}): Issue {
  return {
    id: '1',
    groupId: '1001',
    projectId: '7',
    firstRelease: null,
    environment: null,
    message: 'TypeError: x is undefined',
    logMessage: '',
    module: 'app',
    stackFrames: [],
    firstSeen: new Date('2026-05-01T00:00:00Z'),
    lastSeen: new Date('2026-05-06T12:00:00Z'),
    ...overrides,
  };
}
