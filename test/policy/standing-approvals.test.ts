import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { digestText } from "../../shared/encoding/canonical-json.ts";
import {
  type ArgumentBound,
  type CoveredCall,
  coversCall,
  type StandingApproval,
} from "../../shared/objects/standing-approval.ts";
import { compileApprovals, findApprovalNeed } from "../../shared/policy/approvals.ts";

const DAY_MS = 86_400_000;
const NAMES = ["deal_id", "stage", "amount", "constructor"];
const value = fc.oneof(fc.integer({ min: -3, max: 12 }), fc.constantFrom("won", "lost"));
const args = fc.dictionary(fc.constantFrom(...NAMES), value, { noNullPrototype: true });

const digest = (given: unknown) => digestText(JSON.stringify(given));

const bound: fc.Arbitrary<ArgumentBound> = fc.oneof(
  value.map((given): ArgumentBound => ({ kind: "same", digest: digest(given) })),
  fc
    .tuple(fc.integer({ min: -3, max: 12 }), fc.integer({ min: -3, max: 12 }))
    .map(([least, most]): ArgumentBound => ({ kind: "range", least, most })),
  fc.constant<ArgumentBound>({ kind: "any" }),
);

const place = {
  clientId: fc.constantFrom("app", "other-app"),
  grantId: fc.constantFrom("grant", "grant-2"),
  server: fc.constant("crm"),
  tool: fc.constantFrom("crm_move_deal", "crm_delete_record"),
  rule: fc.constantFrom("roles.sales.require_approval.a", "roles.sales.require_approval.b"),
  policyDigest: fc.constantFrom("p1", "p2"),
  roleRevision: fc.constantFrom(0, 1),
};

const standings = fc
  .record({
    ...place,
    bounds: fc.dictionary(fc.constantFrom(...NAMES), bound, { noNullPrototype: true }),
    calls: fc.integer({ min: 1, max: 5 }),
    used: fc.integer({ min: 0, max: 5 }),
    days: fc.integer({ min: 1, max: 9 }),
    revokedAt: fc.constantFrom(null, null, null, null, 5),
  })
  .map(
    ({ days, ...one }): StandingApproval => ({
      ...one,
      id: "s",
      requester: "u",
      by: "approver",
      madeAt: 10,
      until: 10 + days * DAY_MS,
    }),
  );

const calls = fc
  .record({
    ...place,
    args,
    allowed: fc.option(
      fc.record({ calls: fc.integer({ min: 1, max: 5 }), days: fc.integer({ min: 1, max: 9 }) }),
      { freq: 6 },
    ),
  })
  .map(({ args: given, ...one }): { call: CoveredCall; given: Record<string, unknown> } => ({
    given,
    call: {
      ...one,
      digests: Object.fromEntries(Object.entries(given).map(([name, own]) => [name, digest(own)])),
      numbers: Object.fromEntries(
        Object.entries(given).filter(([, own]) => typeof own === "number"),
      ) as Record<string, number>,
    },
  }));

describe("a standing approval", () => {
  it("never covers a call that is wider than it or than its rule, at any time", () => {
    let covered = 0;
    fc.assert(
      fc.property(
        standings,
        calls,
        fc.integer({ min: 0, max: 12 * DAY_MS }),
        fc.boolean(),
        (drawnStanding, { call: drawn, given }, now, isNear) => {
          // Half of the calls have the arguments that are bounded, or hardly any would be covered.
          const named = Object.keys(given).map((name): [string, ArgumentBound] => [
            name,
            (Object.hasOwn(drawnStanding.bounds, name) && drawnStanding.bounds[name]) || { kind: "any" },
          ]);
          const standing = isNear ? { ...drawnStanding, bounds: Object.fromEntries(named) } : drawnStanding;
          const same = {
            clientId: standing.clientId,
            grantId: standing.grantId,
            tool: standing.tool,
            rule: standing.rule,
            policyDigest: standing.policyDigest,
            roleRevision: standing.roleRevision,
          };
          // Half of the calls come from the right place, or hardly any would be covered.
          const call = isNear ? { ...drawn, ...same } : drawn;
          if (!coversCall(standing, call, now)) return;
          covered += 1;
          expect(call).toMatchObject(same);
          expect(standing.revokedAt).toBeNull();
          expect(call.allowed).not.toBeNull();
          expect(standing.used).toBeLessThan(Math.min(standing.calls, call.allowed?.calls ?? 0));
          expect(now).toBeGreaterThanOrEqual(standing.madeAt);
          expect(now).toBeLessThan(standing.until);
          expect(now).toBeLessThan(standing.madeAt + (call.allowed?.days ?? 0) * DAY_MS);
          for (const [name, own] of Object.entries(given)) {
            const bounds = Object.hasOwn(standing.bounds, name) ? standing.bounds[name] : undefined;
            expect(bounds).toBeDefined();
            if (bounds?.kind === "same") expect(digest(own)).toBe(bounds.digest);
            if (bounds?.kind === "range") {
              expect(typeof own).toBe("number");
              expect(Number(own)).toBeGreaterThanOrEqual(bounds.least);
              expect(Number(own)).toBeLessThanOrEqual(bounds.most);
            }
          }
          for (const [name, { kind }] of Object.entries(standing.bounds)) {
            if (kind !== "any") expect(Object.hasOwn(given, name)).toBe(true);
          }
        },
      ),
      { numRuns: 5_000 },
    );
    expect(covered).toBeGreaterThan(10);
  });

  it("is possible only where every rule that asks allows it, within the least of them", () => {
    const rules = [
      { name: "a", tools: ["t"], message: "A.", standing: { calls: 9, days: 3 } },
      {
        name: "b",
        tools: ["t"],
        message: "B.",
        when: { expression: "args.amount > 5" },
        standing: { calls: 2, days: 7 },
      },
      { name: "c", tools: ["t"], message: "C.", when: { expression: "args.amount > 9" } },
    ];
    const needOf = (amount: number, tool = "t") =>
      findApprovalNeed(compileApprovals("sales", rules), {
        name: tool,
        effect: "update",
        sends: "nothing",
        args: { amount },
        country: null,
      });
    expect(needOf(1)?.standing).toEqual({ calls: 9, days: 3 });
    expect(needOf(6)?.standing).toEqual({ calls: 2, days: 3 });
    expect(needOf(10)?.standing).toBeNull();
    expect(
      findApprovalNeed(compileApprovals("sales", ["t"]), {
        name: "t",
        effect: "update",
        sends: "nothing",
        args: {},
        country: null,
      })?.standing,
    ).toBeNull();
    expect(needOf(1, "other")).toBeNull();
  });
});
