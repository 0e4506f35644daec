/**
 * How long a test waits for a state, and how often it looks (milliseconds): a busy machine needs seconds for what else takes
 * milliseconds.
 */
export const POLL = { timeout: 20_000, interval: 10 } as const;
