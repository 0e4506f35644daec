/// <reference types="vite/types/importMeta.d.ts" />
import fc from "fast-check";
import { expect, it } from "vitest";
import { decideRight, RIGHT_NAMES, roleHoldsRight, rolesWithRight } from "../../shared/policy/console.ts";
import { bundledPolicy, listRoles } from "../../shared/policy/current.ts";
import { policyDocument } from "../../shared/policy/schema.ts";
import { buildPolicy } from "./build-policy.ts";

it("gives a role exactly the rights that it names", () => {
  fc.assert(
    fc.property(fc.subarray([...RIGHT_NAMES]), fc.constantFrom(...RIGHT_NAMES), (rights, asked) => {
      const policy = buildPolicy({ console: rights });
      const held = rights.includes(asked);
      expect(roleHoldsRight(policy, "worker", asked)).toBe(held);
      expect(rolesWithRight(policy, asked)).toEqual(held ? ["worker"] : []);
      expect(decideRight(policy, "worker", asked)).toMatchObject({
        kind: held ? "allow" : "deny",
        rule: "roles.worker.console",
      });
      expect(decideRight(policy, "visitor", asked)).toMatchObject({ kind: "deny", rule: "roles" });
    }),
  );
});

it("gives every right for a star and none by default", () => {
  for (const right of RIGHT_NAMES) {
    expect(roleHoldsRight(buildPolicy({ console: ["*"] }), "worker", right)).toBe(true);
    expect(roleHoldsRight(buildPolicy(), "worker", right)).toBe(false);
  }
});

it("takes a right that is not there for a mistake", () => {
  const document = structuredClone(policyDocument.shape.roles);
  const role = {
    description: "x",
    scopes: [],
    allowed_tools: [],
    allowed_resources: [],
    allowed_prompts: [],
  };
  const mask = { public: "show", internal: "show", pii: "show", secret: "drop", text: [] };
  expect(document.safeParse({ worker: { ...role, mask, console: ["people"] } }).success).toBe(true);
  expect(document.safeParse({ worker: { ...role, mask, console: ["peeple"] } }).success).toBe(false);
});

it("is asked by rights only: no file of the gateway or of shared/ names a role of the policy", () => {
  const sources = import.meta.glob<string>(
    ["../../workers/gateway/**/*.{ts,tsx}", "../../shared/**/*.{ts,tsx}"],
    {
      query: "?raw",
      import: "default",
      eager: true,
    },
  );
  expect(Object.keys(sources).length).toBeGreaterThan(100);
  const quoted = new RegExp(`["'\`](?:${listRoles(bundledPolicy()).join("|")})["'\`]`);
  expect(Object.entries(sources).flatMap(([path, text]) => (quoted.test(text) ? [path] : []))).toEqual([]);
});
