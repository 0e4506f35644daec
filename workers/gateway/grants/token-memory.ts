import type { ValidatedAccessToken } from "@cloudflare/workers-oauth-provider";
import { digestText } from "../../../shared/encoding/canonical-json.ts";

/** Milliseconds that a validated token is remembered at most. */
const REMEMBERED_MS = 60_000;
/** Tokens that one isolate remembers. */
const CAPACITY = 10_000;

interface Remembered {
  validated: ValidatedAccessToken<unknown>;
  /** Milliseconds since the epoch: since when, and when it ends. */
  from: number;
  until: number;
}

/**
 * Access tokens that this isolate validated a moment ago, so that a call costs no second object on its critical path.
 * It cannot make a revoked token live longer: whatever a request does, its person's object is asked whether grant,
 * token and person still stand (`admit` for calls, `checkAccess` for the rest). Keeps digests, never tokens; only
 * successes, so guessed tokens displace nothing; and nothing beyond a token's own end. Everything lives equally
 * long, so the oldest entry is the one to drop.
 */
export class TokenMemory {
  readonly #entries = new Map<string, Remembered>();

  get size(): number {
    return this.#entries.size;
  }

  /** What {@link keep} was given for this very token at this very resource, or `null`. */
  find<Props>(resource: string, token: string, now: number): ValidatedAccessToken<Props> | null {
    const id = idOf(resource, token);
    const entry = this.#entries.get(id);
    if (entry === undefined) return null;
    // A clock that went back leaves entries of unknown age.
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

/** Resources have no line break, so no two pairs look alike. */
function idOf(resource: string, token: string): string {
  return digestText(`${resource}\n${token}`);
}
