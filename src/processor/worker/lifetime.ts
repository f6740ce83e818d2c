/**
 * When a worker retires: after so many messages. It says so before its last messages, so that its replacement can start
 * meanwhile.
 */
export interface Lifetime {
  /** How many more messages the worker receives; 0 or less once it is at its end. */
  left(): number;
  /** Whether a replacement was asked for. */
  retiring(): boolean;
  /** Counts messages; those that reach the message count announce the retirement. */
  received(messages: number): void;
  /** Before a round on a deep queue: announces the retirement where the rest takes less time than a start. */
  deepRound(): void;
  /** Ends it before its message count: its replacement is there, and nothing is left to do. */
  end(): void;
}

/**
 * A replacement takes a third of a second to start, in which a worker on a deep queue receives about so many messages.
 * When the replacement was asked for only with the last round, a core idled for half of each life at 200 messages
 * (measured).
 */
const MESSAGES_DURING_A_START = 300;

/** @param announce called once: a replacement may start */
export function createLifetime(messageCount: number, announce: () => void): Lifetime {
  let left = messageCount;
  let retiring = false;

  const retire = () => {
    if (!retiring) announce();
    retiring = true;
  };

  return {
    left: () => left,
    retiring: () => retiring,
    received(messages) {
      left -= messages;
      if (left <= 0) retire();
    },
    deepRound() {
      if (left <= MESSAGES_DURING_A_START) retire();
    },
    end() {
      left = 0;
    },
  };
}
