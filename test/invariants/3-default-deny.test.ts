import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LANES, openSession, type TestSession } from "../support/session.ts";
import { DEFINED, removeRole, replaceRole, SCOPES } from "./random-policy.ts";

const tool = fc.constantFrom(...DEFINED.tool);

/** An open session of a sales user whose token has every scope but one. */
async function openWithout(lane: (typeof LANES)[number], missing: string | null): Promise<TestSession> {
  replaceRole("sales", { scopes: ["*"] });
  const scopes = SCOPES.filter((scope) => scope !== missing);
  return openSession({ server: "", lane, as: `den_${lane}`, role: "sales", scopes });
}

/** Result of a call whose arguments no tool accepts: their refusal, or an earlier one. */
async function outcomeOf(session: TestSession, name: string): Promise<string> {
  const answer = await session.request("tools/call", { name, arguments: { no_such_argument: 1 } });
  if (answer.status === 403) return "scope";
  return JSON.parse(answer.result.content[0].text).error.code;
}

describe.each(LANES)(
  "invariant 3: token, role and rule must all allow, and deny wins, on the %s lane",
  (lane) => {
    it("for every way in which one of them is missing", async () => {
      const seen = new Set<string>();
      await fc.assert(
        fc.asyncProperty(
          tool,
          fc.boolean(),
          fc.boolean(),
          fc.boolean(),
          fc.boolean(),
          async ({ name, scope }, named, denied, held, carried) => {
            const session = await openWithout(lane, carried ? null : scope);
            replaceRole("sales", {
              scopes: held ? [scope] : SCOPES.filter((other) => other !== scope),
              allowed_tools: named
                ? [name]
                : DEFINED.tool.map((other) => other.name).filter((o) => o !== name),
              denied_tools: denied ? [name] : [],
            });
            const outcome = await outcomeOf(session, name);
            const mayHold = named && !denied && held;
            expect(outcome).toBe(mayHold ? (carried ? "invalid_input" : "scope") : "forbidden");
            seen.add(outcome);
          },
        ),
        { numRuns: 40 },
      );
      expect(seen).toContain("forbidden");
    }, 60_000);

    it("a role that the policy does not know may do nothing", async () => {
      const session = await openWithout(lane, null);
      removeRole("sales");
      expect(await session.listTools()).toEqual([]);
      expect((await session.call("crm_list_tasks")).error?.code).toBe("forbidden");
    });
  },
);
