import { expect, it } from "vitest";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { bundledPolicy as policyOfTests } from "../support/own-policy.ts";

it("gives the tests the rules of production in a copy, whose changes do not reach production", () => {
  const [production, own] = [bundledPolicy(), policyOfTests()];
  expect(own.digest).toBe(production.digest);
  expect([...own.roles.keys()]).toEqual([...production.roles.keys()]);
  for (const [name, role] of own.roles) {
    const before = structuredClone(production.roles.get(name)?.limits);
    expect(role.limits).toEqual(before);
    Object.assign(role.limits, { callsPerUser: 1 });
    expect(production.roles.get(name)?.limits).toEqual(before);
  }
});
