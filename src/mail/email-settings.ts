/** Settings that every email needs. */
export interface EmailSettings {
  /** `ALERT_SUBJECT_PREFIX`. */
  readonly subjectPrefix: string;
  /** `SENTRY_ISSUE_URL`, with `{groupId}` in it; undefined for no link. */
  readonly issueUrl: string | undefined;
}
