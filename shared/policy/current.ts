import { ToolError } from "../call/tool-error.ts";
import { compilePolicy, type Policy } from "./compile.ts";
import type { LimitRules } from "./limits.ts";
import { readDocument, UnusablePolicy } from "./load-version.ts";
import bundled from "./policy.json" with { type: "json" };
import { PolicyKeeper, type PolicySources } from "./policy-keeper.ts";
import { type PolicyReference, readHistory, readReference } from "./reference.ts";
import { policyDocument } from "./schema.ts";

/** Seconds that a client should wait while nobody knows which policy is in force. */
const RETRY_SECONDS = 5;

let fromBundle: Policy | undefined;

/**
 * The policy that came with the deployment, compiled once per isolate. `policy.json` is written from `policy.yaml` by
 * `npm run policy -- build`, so that no YAML parser is deployed; `npm run check` fails when the two differ.
 */
export function bundledPolicy(): Policy {
  fromBundle ??= compilePolicy(policyDocument.parse(bundled));
  return fromBundle;
}

/** What this isolate knows. It outlives requests; what it is read with comes from each of them. */
const keeper = new PolicyKeeper();

function sourcesOf(env: Env): PolicySources {
  return {
    bundled: bundledPolicy,
    readReference: () => readReference(env.PLATFORM_DB),
    readHistory: () => readHistory(env.PLATFORM_DB),
    readDocument: (version) => readDocument(env, version),
  };
}

/**
 * The policy in force, at most 30 seconds late; one row of the database in 10 seconds per isolate. Whoever serves a
 * request asks once, and hands it on with the request. Throws `unavailable` when nobody knows: an isolate that begins
 * while the database is away must not guess.
 *
 * @param publication - what somebody has heard to be in force: an isolate that knows an earlier one asks at once
 */
export async function policyInForce(env: Env, publication = 0): Promise<Policy> {
  try {
    return await keeper.inForce(sourcesOf(env), publication);
  } catch (failure) {
    throw unavailable(failure);
  }
}

/**
 * The policy that a newer publication put in force, or `null` when it can never be used: then what was in force stays.
 * Throws `unavailable` when it cannot be loaded right now.
 */
export async function followPolicy(env: Env, reference: PolicyReference): Promise<Policy | null> {
  try {
    return await keeper.follow(reference, sourcesOf(env));
  } catch (failure) {
    if (failure instanceof UnusablePolicy) return null;
    throw unavailable(failure);
  }
}

/** For `/ready`: rejects when what was published last can be read but not used, or cannot be read. */
export async function probePolicy(env: Env): Promise<void> {
  await keeper.follow(await readReference(env.PLATFORM_DB), sourcesOf(env));
}

function unavailable(cause: unknown): ToolError {
  return new ToolError("unavailable", "Gatehouse cannot read the policy in force right now.", {
    retryAfter: RETRY_SECONDS,
    cause,
  });
}

/** Whether a person with `role` may hold `scope`. An unknown role may hold nothing. */
export function roleMayHold(policy: Policy, role: string, scope: string): boolean {
  const found = policy.roles.get(role);
  return found !== undefined && found.scopes(scope) !== null;
}

/** Whether people with `role` may approve calls of `tool` for others. An unknown role may approve nothing. */
export function roleMayApprove(policy: Policy, role: string, tool: string): boolean {
  return (policy.roles.get(role)?.approves(tool) ?? null) !== null;
}

/** The limits of a role, or of the default role for one that the policy does not know: such a person may do nothing. */
export function limitsOf(policy: Policy, role: string): LimitRules {
  const found = policy.roles.get(role) ?? policy.roles.get(policy.defaultRole);
  if (found === undefined) throw new TypeError(`The policy has no role "${policy.defaultRole}".`);
  return found.limits;
}

/** The names of all roles, in the policy's order. */
export function listRoles(policy: Policy): string[] {
  return [...policy.roles.keys()];
}
