import type { ConnectionFailure } from "../../../shared/objects/connection-gate.ts";

/** Seconds after which a caller may come back where the other system names none, and the most that is passed on. */
const USUAL_WAIT = 30;
const LONGEST_WAIT = 3_600;

/** The other system wants no more calls for a while (429, or another status with the same meaning). */
export function tooMany(title: string, headers: Headers): ConnectionFailure {
  const retryAfter = secondsToWait(headers);
  return {
    code: "unavailable",
    message: `${title} allows no more calls now; call again in ${retryAfter} seconds.`,
    retryAfter,
  };
}

/** `Retry-After` in seconds or as a date (RFC 9110 §10.2.3), or the time at which a limit ends. */
function secondsToWait(headers: Headers, now = Date.now()): number {
  const given = headers.get("retry-after")?.trim() ?? "";
  const reset = Number(headers.get("x-ratelimit-reset") ?? headers.get("ratelimit-reset") ?? Number.NaN);
  const atDate = Date.parse(given);
  const seconds = /^\d{1,9}$/.test(given)
    ? Number(given)
    : Number.isFinite(atDate)
      ? (atDate - now) / 1_000
      : Number.isFinite(reset)
        ? reset > 1_000_000_000
          ? reset - now / 1_000
          : reset
        : USUAL_WAIT;
  return Math.min(LONGEST_WAIT, Math.max(1, Math.ceil(seconds)));
}
