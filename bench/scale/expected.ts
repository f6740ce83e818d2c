/** As the made-up browser errors are drawn. */
export const ZIPF_EXPONENT = 1.1;

/** About this many events of an issue and day are sampled for its tags; see src/db/events-sql.ts. */
const SAMPLED = 128;

/** The share of the events that each issue has, the most frequent issue first. */
export function shares(issues: number): Float64Array {
  const weights = Float64Array.from({ length: issues }, (_, rank) => (rank + 1) ** -ZIPF_EXPONENT);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** How many rows a number of events needs on average. */
export interface Rows {
  /** Issues with at least one event, each a row of its hour or day. */
  readonly buckets: number;
  /** Samples of tags, if the events are those of one day. */
  readonly tags: number;
}

export function expectedRows(issues: Float64Array, events: number): Rows {
  let [buckets, tags] = [0, 0];
  for (const share of issues) {
    const own = events * share;
    buckets += -Math.expm1(-own);
    tags += own <= SAMPLED ? own : SAMPLED * (1 + Math.log(own / SAMPLED));
  }
  return { buckets, tags };
}
