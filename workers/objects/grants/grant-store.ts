import { DurableObject } from "cloudflare:workers";
import { ObjectAlarm } from "../../../shared/objects/object-alarm.ts";
import {
  type Expectation,
  GrantRecords,
  type ListedKey,
  type RecordContent,
  type RecordKey,
  type StoredRecord,
  type Written,
} from "./grant-records.ts";
import type { GrantUse, GrantUses } from "./grant-uses.ts";
import { SpentAssertions } from "./spent-assertions.ts";
import { Turns } from "./turns.ts";

/** Minimum seconds between two sweeps. Reads check expiry themselves; a sweep only frees storage. */
const SWEEP_EVERY = 60 * 60;

/** Identifies a refresh: digests of the presented token, and of token and parameters together. */
export interface RefreshAttempt {
  tokenId: string;
  answerId: string;
}

/**
 * A response to store. `successorId` is the digest of its refresh token; the presented token decrypts
 * `sealed`.
 */
export interface RefreshAnswer {
  answerId: string;
  successorId: string;
  sealed: ArrayBuffer;
}

/**
 * Result of asking for a grant's lease. `turn`: continue, and end the lease; `reused` means that the refresh
 * token was used earlier. `answered`: the same refresh was just answered. `busy`: too many requests wait.
 */
export type GrantTurn =
  | { kind: "turn"; lease: string; reused: boolean }
  | { kind: "answered"; sealed: ArrayBuffer }
  | { kind: "busy" };

/**
 * Grants and tokens of one user, strongly consistent: one object per user, named by the opaque user id. Reads
 * see every earlier write, and a write can depend on what was read. Objects of the same class hold used assertions.
 */
export class GrantStore extends DurableObject<Env> {
  readonly #records: GrantRecords;
  readonly #spent: SpentAssertions;
  readonly #turns = new Turns();
  readonly #alarm: ObjectAlarm;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#records = new GrantRecords(ctx.storage.sql);
    this.#spent = new SpentAssertions(ctx.storage.sql);
    this.#alarm = new ObjectAlarm(ctx.storage, "GrantStore");
  }

  async read(key: string): Promise<StoredRecord | null> {
    return this.#records.read(key, nowSeconds());
  }

  async write(at: RecordKey, content: RecordContent, expected: Expectation | null): Promise<Written> {
    const written = this.#records.write(at, content, expected, nowSeconds());
    if (written.written && content.expiresAt !== null) await this.#sweepAfter(content.expiresAt);
    return written;
  }

  async remove(at: RecordKey): Promise<void> {
    this.#records.remove(at);
  }

  /** Ends every grant of the user and deletes everything. Returns the ids of the ended grants. */
  async eraseAll(): Promise<string[]> {
    const grants = this.#records.listGrants();
    for (const grantId of grants) this.#records.removeGrant(grantId);
    return grants;
  }

  async list(prefix: string, after: string, limit: number): Promise<ListedKey[]> {
    return this.#records.list(prefix, after, limit, nowSeconds());
  }

  /** Waits until no other token request works on the grant. `attempt` is `null` for a code exchange. */
  async takeTurn(grantId: string, attempt: RefreshAttempt | null): Promise<GrantTurn> {
    const lease = await this.#turns.take(grantId);
    if (lease === null) return { kind: "busy" };
    if (attempt === null || !this.#records.isPrepared) return { kind: "turn", lease, reused: false };
    const sealed = this.#records.history.findAnswer(grantId, attempt.answerId, nowSeconds());
    if (sealed === null) {
      return { kind: "turn", lease, reused: this.#records.history.isRetired(grantId, attempt.tokenId) };
    }
    this.#turns.end(grantId, lease);
    return { kind: "answered", sealed };
  }

  /**
   * Ends a lease. Stores the response, if any, for repetitions of the same refresh. Returns `false` if the
   * response is not the newest: the lease expired and was overtaken, or the grant was revoked.
   *
   * @param use - origin of a request that received tokens
   */
  async endTurn(
    grantId: string,
    lease: string,
    answer: RefreshAnswer | null,
    use: GrantUse | null = null,
  ): Promise<boolean> {
    const now = nowSeconds();
    const newest = answer === null || this.#records.isNewestToken(grantId, answer.successorId, now);
    if (answer !== null && newest) {
      this.#records.history.keepAnswer(grantId, answer.answerId, answer.sealed, now);
    }
    if (use !== null && newest && this.#records.hasGrant(grantId, now)) {
      this.#records.uses.note(grantId, use, Date.now());
    }
    this.#turns.end(grantId, lease);
    return newest;
  }

  /** Where each of the user's grants is used. */
  async listUses(): Promise<GrantUses[]> {
    return this.#records.uses.list();
  }

  /**
   * Uses an assertion up: gives `false` when it was used before. For objects that are named after digests of assertions
   * and hold no user's grants.
   */
  async spend(id: string, expiresAt: number): Promise<boolean> {
    const isFirst = this.#spent.spend(id, expiresAt);
    if (isFirst) await this.#sweepAfter(expiresAt);
    return isFirst;
  }

  /** Deletes expired records. */
  override async alarm(): Promise<void> {
    await this.#alarm.run(async () => {
      const now = nowSeconds();
      const nexts = [this.#records.removeExpired(now), this.#spent.removeExpired(now)];
      for (const next of nexts) if (next !== null) await this.#sweepAfter(next);
    });
  }

  async #sweepAfter(expiresAt: number): Promise<void> {
    await this.#alarm.wakeBy(Math.max(expiresAt, nowSeconds() + SWEEP_EVERY) * 1000);
  }
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
