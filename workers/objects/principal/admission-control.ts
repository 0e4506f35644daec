import type { Access, AdmissionRequest, Refusal } from "../../../shared/objects/admission-request.ts";
import type { Intent, Rights } from "../../../shared/objects/principal-gate.ts";
import type { PolicyReference } from "../../../shared/policy/reference.ts";
import type { LimitMemory, Taken } from "./audit-trail.ts";
import { Limiter } from "./limiter.ts";
import { type PersonFacts, PersonState, readFactsFrom } from "./person-state.ts";
import { RevokedGrants } from "./revoked-grants.ts";

/** Seconds that a client should wait while the platform database does not answer. */
const DATABASE_RETRY_SECONDS = 5;

/**
 * Whether a call may pass: with the role that the person has now and the policy in force, what it used up and how many
 * of the person's calls run with it; or not.
 */
export type AdmissionResult =
  | { role: string; policy: PolicyReference; taken: Taken; running: number }
  | { refusal: Refusal };

/** Decides for one person who may pass: revoked grants, the person's own state, then the limits. */
export class AdmissionControl {
  readonly #revoked: RevokedGrants;
  readonly #person: PersonState;
  readonly #limiter: Limiter;

  constructor(sql: SqlStorage, database: D1Database, memory: LimitMemory) {
    this.#revoked = new RevokedGrants(sql);
    this.#person = new PersonState(readFactsFrom(database));
    this.#limiter = new Limiter(memory);
  }

  /** What the database says of the person. `undefined` when nobody knows: then nothing passes. */
  async loadPrincipal(userId: string): Promise<PersonFacts | undefined> {
    return this.#factsOf(userId);
  }

  /**
   * Decides on one call by what was learnt a moment ago. Runs without `await`: what the caller writes in the same turn
   * is as exact as the decision.
   */
  evaluate(
    { callId, clientId }: Intent,
    claim: AdmissionRequest,
    facts: PersonFacts | undefined,
  ): AdmissionResult {
    if (facts === undefined) {
      return { refusal: { code: "unavailable", retryAfter: DATABASE_RETRY_SECONDS } };
    }
    const { role, policy } = facts;
    if (role === null || this.#isRevoked(claim)) return { refusal: { code: "access_ended" } };
    const answer = this.#limiter.take({ callId, clientId, claim }, Date.now());
    return "refusal" in answer ? answer : { role, policy, ...answer, running: this.#limiter.running };
  }

  /** The role that the person has now; `null` when the grant or the person ended, `undefined` when nobody knows. */
  async roleUnder(grantId: string, userId: string): Promise<string | null | undefined> {
    const facts = await this.#factsOf(userId);
    return this.#revoked.has(grantId) ? null : facts?.role;
  }

  /** Gives the place of a finished call back. */
  release(callId: string): void {
    this.#limiter.release(callId);
  }

  /** Ends a grant or a single access token by its id. */
  revoke(id: string): void {
    this.#revoked.add(id, Date.now());
  }

  /** What is known of the person, the policy in force included, is not used any more. */
  forgetPerson(): void {
    this.#person.forget();
  }

  isRevoked(id: string): boolean {
    return this.#revoked.has(id);
  }

  /**
   * What decides what the person may do now; `"ended"` when grant, token or the person's account is known to have, `null`
   * when nobody knows.
   *
   * @param publication - of the policy that must be known by now
   */
  async rightsUnder(userId: string, access: Access, publication: number): Promise<Rights | "ended" | null> {
    this.#person.expect(publication);
    const facts = await this.#factsOf(userId);
    if (facts?.role === null || this.#isRevoked(access)) return "ended";
    return facts ? { role: facts.role, policy: facts.policy } : null;
  }

  #isRevoked({ grantId, tokenId }: Access): boolean {
    return this.#revoked.has(grantId) || this.#revoked.has(tokenId);
  }

  /** `undefined` when nobody knows. Without the person's state nothing passes: disabling must not depend on luck. */
  async #factsOf(userId: string): Promise<PersonFacts | undefined> {
    try {
      return await this.#person.facts(userId);
    } catch {
      return undefined;
    }
  }
}
