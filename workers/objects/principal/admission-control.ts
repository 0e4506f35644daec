import type { Access, AdmissionRequest, Refusal } from "../../../shared/objects/admission-request.ts";
import type {
  DeliveryAdmission,
  Intent,
  KnownRights,
  Rights,
} from "../../../shared/objects/principal-gate.ts";
import type { LimitRules } from "../../../shared/policy/limits.ts";
import type { PolicyReference } from "../../../shared/policy/reference.ts";
import type { LimitMemory, Taken } from "./audit-trail.ts";
import { StoredFacts } from "./facts-memory.ts";
import { Limiter } from "./limiter.ts";
import { type PersonFacts, PersonState, readFactsFrom } from "./person-state.ts";
import { RevokedGrants } from "./revoked-grants.ts";

/** Seconds that a client should wait while the platform database is unavailable. */
const DATABASE_RETRY_SECONDS = 5;

/**
 * The decision on a call: admitted with the user's current role, the policy in force, the consumed limits and
 * the number of running calls; or refused.
 */
export type AdmissionResult =
  | { role: string; policy: PolicyReference; taken: Taken; running: number }
  | { refusal: Refusal };

/** Decides on one user's calls: revoked grants, then the user's account, then the limits. */
export class AdmissionControl {
  readonly #revoked: RevokedGrants;
  readonly #person: PersonState;
  readonly #limiter: Limiter;

  constructor(sql: SqlStorage, database: D1Database, memory: LimitMemory) {
    this.#revoked = new RevokedGrants(sql);
    this.#person = new PersonState(readFactsFrom(database), new StoredFacts(sql));
    this.#limiter = new Limiter(memory);
  }

  /** The database's facts about the user. `undefined` if they are unknown: every call is then refused. */
  async loadPrincipal(userId: string): Promise<PersonFacts | undefined> {
    return this.#factsOf(userId);
  }

  /**
   * Decides on one call by facts that were just loaded. Runs without `await`: the caller's writes in the same
   * turn are atomic with the decision.
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
    const limits = limitsFor(role, claim);
    const answer = this.#limiter.take({ callId, clientId, claim: { ...claim, limits } }, Date.now());
    return "refusal" in answer ? answer : { role, policy, ...answer, running: this.#limiter.running };
  }

  /** Frees the slot of a finished call. */
  release(callId: string): void {
    this.#limiter.release(callId);
  }

  /** Ends a grant or a single access token by its id. */
  revoke(id: string): void {
    this.#revoked.add(id, Date.now());
  }

  /** Discards the cached facts, the policy in force included. */
  forgetPerson(): void {
    this.#person.forget();
  }

  isRevoked(id: string): boolean {
    return this.#revoked.has(id);
  }

  /**
   * The user's current rights; `"ended"` if the grant, token or account has ended, `null` if that is unknown.
   *
   * @param publication - lowest publication of the policy to use
   */
  async rightsUnder(userId: string, access: Access, publication: number): Promise<Rights | "ended" | null> {
    this.#person.expect(publication);
    const facts = await this.#factsOf(userId);
    if (facts?.role === null || this.#isRevoked(access)) return "ended";
    return facts ? { role: facts.role, policy: facts.policy } : null;
  }

  /** Whether a delivery of events may go on under the rights that its subscription knows. */
  async checkDelivery(userId: string, access: Access, known: KnownRights): Promise<DeliveryAdmission> {
    const rights = await this.rightsUnder(userId, access, known.publication);
    if (rights === "ended") return { state: "ended" };
    if (rights === null) return { state: "unknown" };
    const isChanged = rights.role !== known.role || rights.policy.publication > known.publication;
    return isChanged ? { state: "changed", rights } : { state: "admitted" };
  }

  #isRevoked({ grantId, tokenId, credential, endsAt = Number.POSITIVE_INFINITY }: Access): boolean {
    const ids = credential === undefined ? [grantId, tokenId] : [grantId, tokenId, credential];
    return Date.now() >= endsAt || ids.some((id) => this.#revoked.has(id));
  }

  /** `undefined` if unknown. Calls without facts are refused, so that disabling a user is reliable. */
  async #factsOf(userId: string): Promise<PersonFacts | undefined> {
    try {
      return await this.#person.facts(userId);
    } catch {
      return undefined;
    }
  }
}

/** Limits of the user's current role, whatever role the request came with. */
function limitsFor(role: string, { limits, limitsOfRoles = {} }: AdmissionRequest): LimitRules {
  return (Object.hasOwn(limitsOfRoles, role) ? limitsOfRoles[role] : undefined) ?? limits;
}
