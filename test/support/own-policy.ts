import { compilePolicy, type Policy } from "../../shared/policy/compile.ts";
import bundled from "../../shared/policy/policy.json" with { type: "json" };
import { policyDocument } from "../../shared/policy/schema.ts";

let own: Policy | undefined;

/**
 * Replaces `shared/policy/bundled.ts` in the Workers suite (one-module.ts): a policy of the tests, made of the
 * production document, whose rules and limits a test file may change. Tests of the production policy itself run in
 * Node, where the module is not replaced.
 */
export function bundledPolicy(): Policy {
  own ??= compilePolicy(structuredClone(policyDocument.parse(bundled)));
  return own;
}
