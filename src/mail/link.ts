/**
 * The issue's page. The group id comes from the queue: it stands encoded in the link, and whatever it is, the link
 * leads to the server that `SENTRY_ISSUE_URL` names, by http or https; null where it can't.
 * @param pattern with `{groupId}` in it
 */
export function issueLink(pattern: string | undefined, groupId: string): string | null {
  if (pattern === undefined) return null;
  // Dot segments survive the encoding and would climb out of the path.
  if (/^\.{0,2}$/.test(groupId)) return null;
  const link = URL.parse(pattern.replaceAll('{groupId}', encodeURIComponent(groupId)));
  const home = URL.parse(pattern.replaceAll('{groupId}', '0'));
  if (link === null || home === null || link.origin !== home.origin) return null;
  return link.protocol === 'http:' || link.protocol === 'https:' ? link.href : null;
}
