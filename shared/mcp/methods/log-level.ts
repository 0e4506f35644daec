import type { LogLevel } from "../../call/log-level.ts";

/** Least severe first (RFC 5424). */
export const LOG_LEVELS = [
  "debug",
  "info",
  "notice",
  "warning",
  "error",
  "critical",
  "alert",
  "emergency",
] as const satisfies LogLevel[];

const LEVELS: readonly unknown[] = LOG_LEVELS;

/**
 * Whether a message of this level is sent to a client that asked for `threshold` and above. `false` for an
 * unknown threshold.
 */
export function reaches(level: LogLevel, threshold: unknown): boolean {
  const least = LEVELS.indexOf(threshold);
  return least >= 0 && LEVELS.indexOf(level) >= least;
}
