/**
 * The URL of the issue's page. The group id comes from the queue and is untrusted, so it is encoded. The link always
 * leads to the server of `SENTRY_ISSUE_URL`, by http or https.
 * @param pattern `SENTRY_ISSUE_URL`, with `{groupId}` in it
 * @returns null if no such link is possible
 */
export function issueLink(pattern: string | undefined, groupId: string): string | null {
  if (pattern === undefined) return null;
  // Encoding doesn't change dot segments, and they would lead out of the pattern's path.
  if (/^\.{0,2}$/.test(groupId)) return null;
  const link = URL.parse(pattern.replaceAll('{groupId}', encodeURIComponent(groupId)));
  const home = URL.parse(pattern.replaceAll('{groupId}', '0'));
  if (link === null || home === null || link.origin !== home.origin) return null;
  return link.protocol === 'http:' || link.protocol === 'https:' ? link.href : null;
}
