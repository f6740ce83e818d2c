/** A span of time at whose end a backtest evaluates the issues that had events in it. */
export interface Step {
  readonly unit: 'day' | 'hour';
  /** The first instant of the UTC day or hour. */
  readonly start: Date;
  /** The last instant that counts as past. */
  readonly end: Date;
}
