import { ToolError } from "../call/tool-error.ts";
import { bundledPolicy } from "./bundled.ts";
import type { Policy } from "./compile.ts";
import type { EventLimits, LimitRules } from "./limits.ts";
import { readCatalogues, readDocument, UnusablePolicy } from "./load-version.ts";
import { PolicyKeeper, type PolicySources } from "./policy-keeper.ts";
import { type PolicyReference, readHistory, readReference } from "./reference.ts";
import { readReferenceCopy } from "./reference-copy.ts";

/** Milliseconds that a request waits for the reference: a slow database must not hold every request. */
const PATIENCE_MS = 2_000;

/** Seconds that a client should wait while the policy in force is unknown. */
const RETRY_SECONDS = 5;

/** This isolate's cache. It outlives requests; each request supplies the sources to read from. */
const keeper = new PolicyKeeper();

function sourcesOf(env: Env): PolicySources {
  return {
    bundled: bundledPolicy,
    readReference: () => inTime(readReference(env.PLATFORM_DB)),
    readCopy: () => readReferenceCopy(env.OAUTH_KV),
    readHistory: () => readHistory(env.PLATFORM_DB),
    readDocument: (version) => readDocument(env, version),
    readCatalogues: ({ version, digest }) => readCatalogues(env, version, digest),
  };
}

/**
 * The policy in force, at most 30 seconds late; reads one database row per 10 seconds and isolate. Each
 * request asks once and passes the policy on. Throws `unavailable` if the policy is unknown: an isolate that
 * starts while the database is down must not guess.
 *
 * @param publication - a publication known to be in force: an isolate with an earlier one reads at once
 */
export async function policyInForce(env: Env, publication = 0): Promise<Policy> {
  try {
    return await keeper.inForce(sourcesOf(env), publication);
  } catch (failure) {
    throw unavailable(failure);
  }
}

/**
 * The policy of a newer publication, or `null` if it can never be used; the policy in force then stays.
 * Throws `unavailable` if it cannot be loaded now.
 */
export async function followPolicy(env: Env, reference: PolicyReference): Promise<Policy | null> {
  try {
    return await keeper.follow(reference, sourcesOf(env));
  } catch (failure) {
    if (failure instanceof UnusablePolicy) return null;
    throw unavailable(failure);
  }
}

/** For `/ready`: rejects if the newest publication cannot be read or used. */
export async function probePolicy(env: Env): Promise<void> {
  await keeper.follow(await readReference(env.PLATFORM_DB), sourcesOf(env));
}

async function inTime<Value>(answer: Promise<Value>): Promise<Value> {
  const over = new AbortController();
  const late = scheduler.wait(PATIENCE_MS, { signal: over.signal }).then(() => {
    throw new Error(`The platform database did not answer within ${PATIENCE_MS} ms.`);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    // The wait must not hold the request, and ends without a report.
    late.catch(() => {});
    over.abort();
  }
}

function unavailable(cause: unknown): ToolError {
  return new ToolError("unavailable", "Gatehouse cannot read the policy in force right now.", {
    retryAfter: RETRY_SECONDS,
    cause,
  });
}

/** Whether `role` may hold `scope`. An unknown role holds nothing. */
export function roleMayHold(policy: Policy, role: string, scope: string): boolean {
  const found = policy.roles.get(role);
  return found !== undefined && found.scopes(scope) !== null;
}

/** Whether `role` may approve calls of `tool` for other users. An unknown role approves nothing. */
export function roleMayApprove(policy: Policy, role: string, tool: string): boolean {
  return (policy.roles.get(role)?.approves(tool) ?? null) !== null;
}

/** Limits of a role. An unknown role gets those of the default role; it may do nothing anyway. */
export function limitsOf(policy: Policy, role: string): LimitRules {
  const found = policy.roles.get(role) ?? policy.roles.get(policy.defaultRole);
  if (found === undefined) throw new TypeError(`The policy has no role "${policy.defaultRole}".`);
  return found.limits;
}

/** Limits of a role's subscriptions to events. */
export function eventLimitsOf(policy: Policy, role: string): EventLimits {
  return policy.roles.get(role)?.eventLimits ?? { subscriptions: 0, deliveriesPerMinute: 1 };
}

const limitsByPolicy = new WeakMap<Policy, Readonly<Record<string, LimitRules>>>();

/** Limits of every role, for the Principal object, which knows the current role. */
export function limitsOfRoles(policy: Policy): Readonly<Record<string, LimitRules>> {
  const known = limitsByPolicy.get(policy);
  if (known !== undefined) return known;
  const limits = Object.fromEntries([...policy.roles].map(([name, role]) => [name, role.limits]));
  limitsByPolicy.set(policy, limits);
  return limits;
}

/** Names of all roles, in the policy's order. */
export function listRoles(policy: Policy): string[] {
  return [...policy.roles.keys()];
}
