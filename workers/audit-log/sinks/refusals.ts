import type { Link } from "../../../shared/audit/chain.ts";

/** A record that the receiver of a sink does not take, with a reason in words of ours. */
export interface RefusedRecord {
  link: Link;
  reason: string;
}

/**
 * The receiver has everything it was given but these records, which it calls invalid. {@link isWhole} when it took none:
 * wrong settings look like this too.
 */
export class RefusedRecords extends Error {
  readonly refused: readonly RefusedRecord[];
  readonly isWhole: boolean;

  constructor(refused: readonly RefusedRecord[], isWhole: boolean) {
    super(`${refused.length} records were refused, the first one: ${refused[0]?.reason}`);
    this.refused = refused;
    this.isWhole = isWhole;
  }
}

/** The receiver said when to come again. */
export class TryLater extends Error {
  /** Milliseconds from now. */
  readonly waitMs: number;

  constructor(text: string, waitMs: number) {
    super(text);
    this.waitMs = waitMs;
  }
}

/** `Retry-After` in milliseconds from `now`: seconds or a date (RFC 9110 §10.2.3); `null` without a readable one. */
export function readRetryAfter(headers: Headers, now: number): number | null {
  const given = headers.get("retry-after")?.trim() ?? "";
  if (/^\d{1,9}$/.test(given)) return Number(given) * 1_000;
  const date = Date.parse(given);
  return Number.isNaN(date) ? null : Math.max(date - now, 0);
}
