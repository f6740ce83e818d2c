/**
 * SQL for the number of affected users in a set, never more than the number of events. An event has one user at most,
 * but above 150 both numbers are estimates, and two estimates can cross: 222 events, 225 users.
 */
export function usersWithin(eventSet: string, userSet: string): string {
  return `least(hll_cardinality(${userSet}), hll_cardinality(${eventSet}))`;
}
