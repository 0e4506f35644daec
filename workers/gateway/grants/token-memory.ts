import type { ValidatedAccessToken } from "@cloudflare/workers-oauth-provider";
import { digestText } from "../../../shared/encoding/canonical-json.ts";

/** Most milliseconds that a validated token is cached. */
const REMEMBERED_MS = 60_000;
/** Most tokens that one isolate caches. */
const CAPACITY = 10_000;

interface Remembered {
  validated: ValidatedAccessToken<unknown>;
  /** Start and end of validity, in milliseconds since the epoch. */
  from: number;
  until: number;
}

/**
 * Access tokens that this isolate validated recently, which saves a call one object on its critical path. A
 * cached token never outlives its revocation: every request asks the Principal object whether grant, token
 * and user are still valid (`admit` for calls, `checkAccess` for the rest). Stores digests, never tokens;
 * only successes, so guessed tokens evict nothing; and nothing beyond a token's expiry. All entries live
 * equally long, so the oldest is evicted first.
 */
export class TokenMemory {
  readonly #entries = new Map<string, Remembered>();

  get size(): number {
    return this.#entries.size;
  }

  /** The value that {@link keep} stored for this token at this resource, or `null`. */
  find<Props>(resource: string, token: string, now: number): ValidatedAccessToken<Props> | null {
    const id = idOf(resource, token);
    const entry = this.#entries.get(id);
    if (entry === undefined) return null;
    // After the clock went back the age of entries is unknown.
    if (now >= entry.from && now < entry.until) return entry.validated as ValidatedAccessToken<Props>;
    this.#entries.delete(id);
    return null;
  }

  keep(resource: string, token: string, validated: ValidatedAccessToken<unknown>, now: number): void {
    const id = idOf(resource, token);
    this.#entries.delete(id);
    for (const [oldest, { until }] of this.#entries) {
      if (until > now && this.#entries.size < CAPACITY) break;
      this.#entries.delete(oldest);
    }
    const until = Math.min(now + REMEMBERED_MS, validated.expiresAt * 1000);
    this.#entries.set(id, { validated, from: now, until });
  }
}

/** Resources contain no line break, so no two pairs are equal. */
function idOf(resource: string, token: string): string {
  return digestText(`${resource}\n${token}`);
}
