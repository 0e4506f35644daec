/// <reference types="vite/types/importMeta.d.ts" />
import fc from "fast-check";
import { expect, it } from "vitest";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { decideRight, RIGHT_NAMES, roleHoldsRight, rolesWithRight } from "../../shared/policy/console.ts";
import { listRoles } from "../../shared/policy/current.ts";
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
  expect(() => buildPolicy({ console: ["people"] })).not.toThrow();
  expect(() => buildPolicy({ console: ["peeple" as "people"] })).toThrow("console");
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
  // MongoDB keeps its accounts in a database that is called admin too.
  delete sources["../../shared/connections/kinds/mongodb.ts"];
  const quoted = new RegExp(`["'\`](?:${listRoles(bundledPolicy()).join("|")})["'\`]`);
  expect(Object.entries(sources).flatMap(([path, text]) => (quoted.test(text) ? [path] : []))).toEqual([]);
});
