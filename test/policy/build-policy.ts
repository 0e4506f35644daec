import { compilePolicy, type Policy } from "../../shared/policy/compile.ts";
import type { DecisionPrincipal, DecisionSubject } from "../../shared/policy/decide.ts";
import { policyDocument, type RoleDocument } from "../../shared/policy/schema.ts";

/** A policy with one role, `worker`, that may do everything unless the parts restrict it. */
export function buildPolicy(parts: Partial<RoleDocument> = {}): Policy {
  const worker = {
    description: "For tests.",
    scopes: ["*"],
    allowed_tools: ["*"],
    allowed_resources: ["*"],
    allowed_prompts: ["*"],
    mask: { public: "show", internal: "show", pii: "show", secret: "drop", text: [] },
    ...parts,
  };
  const limits = {
    calls_per_client: 100,
    calls_per_costly_tool: 10,
    calls_per_user: 300,
    concurrent_calls: 20,
    units_per_day: 10_000,
    costly_units: 10,
  };
  return compilePolicy(policyDocument.parse({ default_role: "worker", limits, roles: { worker } }));
}

/** A worker in a known place with the scope of {@link subject}. */
export function principal(parts: Partial<DecisionPrincipal> = {}): DecisionPrincipal {
  const at = Date.parse("2026-07-01T12:00:00Z");
  return {
    role: "worker",
    scopes: ["crm:write"],
    ip: "203.0.113.7",
    country: "DE",
    at,
    mfaAt: null,
    ...parts,
  };
}

/** A tool that changes data. */
export function subject(parts: Partial<DecisionSubject> = {}): DecisionSubject {
  return {
    kind: "tool",
    name: "crm_move_deal",
    scope: "crm:write",
    effect: "update",
    sends: "nothing",
    ...parts,
  };
}
