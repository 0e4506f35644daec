import type { Intent } from "../../shared/guard/admit.ts";
import type { Claim, Refusal } from "../../shared/guard/claim.ts";
import { SqlLimitStore } from "./limit-store.ts";
import { Limiter } from "./limiter.ts";
import { PersonState, readRoleFrom } from "./person-state.ts";
import { RevokedGrants } from "./revoked-grants.ts";

/** Seconds that a client should wait while the platform database does not answer. */
const DATABASE_RETRY_SECONDS = 5;

/** Whether a call may pass: with the role that the person has now, or not. */
export type Passage = { refusal: null; role: string } | { refusal: Refusal };

/** Decides for one person who may pass: revoked grants, the person's own state, then the limits. */
export class Gatekeeper {
  readonly #revoked: RevokedGrants;
  readonly #person: PersonState;
  readonly #limiter: Limiter;

  constructor(sql: SqlStorage, database: D1Database) {
    this.#revoked = new RevokedGrants(sql);
    this.#person = new PersonState(readRoleFrom(database));
    this.#limiter = new Limiter(new SqlLimitStore(sql));
  }

  /**
   * Decides on one call. Nothing is awaited between the last look at what is revoked, the limits and the answer:
   * what the caller writes in the same turn is as exact as the decision.
   */
  async consider({ callId, clientId, userId }: Intent, claim: Claim): Promise<Passage> {
    const role = await this.roleUnder(claim.grantId, userId);
    if (role === undefined) {
      return { refusal: { code: "unavailable", retryAfter: DATABASE_RETRY_SECONDS } };
    }
    if (role === null) return { refusal: { code: "access_ended" } };
    const refusal = this.#limiter.take({ callId, clientId, claim }, Date.now());
    return refusal ? { refusal } : { refusal: null, role };
  }

  /** The role that the person has now; `null` when the grant or the person ended, `undefined` when nobody knows. */
  async roleUnder(grantId: string, userId: string): Promise<string | null | undefined> {
    const role = await this.#roleOf(userId);
    return this.#revoked.has(grantId) ? null : role;
  }

  /** Gives the place of a finished call back. */
  release(callId: string): void {
    this.#limiter.release(callId);
  }

  revoke(grantId: string): void {
    this.#revoked.add(grantId, Date.now());
  }

  isRevoked(grantId: string): boolean {
    return this.#revoked.has(grantId);
  }

  /** `undefined` when nobody knows. Without the person's state nothing passes: disabling must not depend on luck. */
  async #roleOf(userId: string): Promise<string | null | undefined> {
    try {
      return await this.#person.role(userId, Date.now());
    } catch {
      return undefined;
    }
  }
}
