import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { verifyExport } from "../../shared/audit/verify-export.ts";
import {
  type ApprovalAnswer,
  type ApprovalBinding,
  type ApprovalDecision,
  type ApprovalRequest,
  approvalGate,
} from "../../shared/objects/approval-gate.ts";
import { Approvals } from "../../workers/objects/principal/approvals.ts";
import { AuditTrail } from "../../workers/objects/principal/audit-trail.ts";
import { deliverAll, eventsOf, exportTrail, principalOf } from "../audit/trail.ts";
import { addPerson } from "../support/token.ts";

const MINUTE = 60_000;
const NOON = Date.parse("2030-01-01T12:00:00Z");

const BINDING: ApprovalBinding = {
  clientId: "client",
  grantId: "grant",
  server: "crm",
  tool: "crm_move_deal",
  argumentsDigest: "a".repeat(64),
  policyDigest: "1".repeat(64),
  rule: "roles.sales.require_approval.book-won-deals",
};

function claimOf(userId: string, parts: Partial<ApprovalRequest> = {}): ApprovalRequest {
  return {
    userId,
    role: "sales",
    callId: crypto.randomUUID(),
    binding: BINDING,
    reason: "A person has to look.",
    selfApproval: false,
    expiresMinutes: 60,
    approverRoles: ["admin"],
    shown: { values: { stage: "won" }, inherited: [], digests: { stage: "d" } },
    ...parts,
  };
}

const yes = (approvalId: string, parts: Partial<ApprovalDecision> = {}): ApprovalDecision => ({
  approvalId,
  by: "user_boss",
  granted: true,
  reason: null,
  policyDigest: "1".repeat(64),
  ...parts,
});

/** Claims with the requester's initial role; all other users are administrators. */
function use(approvals: Approvals, claim: ApprovalRequest, now: number): ApprovalAnswer {
  const by = approvals.approverOf(claim, 0, now);
  const approver = by === null ? null : { id: by, role: "admin" };
  const answer = approvals.claim(claim, { roleRevision: 0, approver, holders: [] }, now);
  if (answer === null) throw new Error("No approver decides in between.");
  return answer;
}

/** Runs over a user's storage, with a clock of the test's own. */
async function withApprovals<T>(
  userId: string,
  use: (approvals: Approvals, sql: SqlStorage) => T,
): Promise<T> {
  const result = await runInDurableObject(principalOf(userId), (_object, { storage: { sql } }) =>
    use(new Approvals(sql, new AuditTrail(sql), () => false), sql),
  );
  // The object itself has not seen the changes.
  await evictDurableObject(principalOf(userId));
  return result;
}

function ask(
  approvals: Approvals,
  userId: string,
  now: number,
  parts: Partial<ApprovalRequest> = {},
): string {
  const answer = use(approvals, claimOf(userId, parts), now);
  if (answer.state !== "pending") throw new Error(`Not pending: ${answer.state}`);
  return answer.approvalId;
}

beforeAll(() => addPerson({ name: "boss", role: "admin" }));

describe("an approval", () => {
  it("fits one call: any other binding asks again, a replay too, over random changes", async () => {
    const text = fc.string({ minLength: 1, maxLength: 8 });
    const other = fc.oneof(
      fc.record({ clientId: text }),
      fc.record({ grantId: text }),
      fc.record({ server: text }),
      fc.record({ tool: text }),
      fc.record({ argumentsDigest: text }),
      fc.record({ policyDigest: fc.stringMatching(/^[2-9a-f]{64}$/) }),
      fc.record({ rule: text }),
    );
    let now = NOON;
    await withApprovals("user_ada", (approvals) => {
      fc.assert(
        fc.property(other, (change) => {
          now += 24 * 60 * MINUTE;
          const id = ask(approvals, "user_ada", now);
          expect(approvals.decide(yes(id), now)).toBe("recorded");
          const changed = claimOf("user_ada", { binding: { ...BINDING, ...change } });
          expect(use(approvals, changed, now).state).toBe("pending");
          const stranger = claimOf("user_eve");
          expect(use(approvals, stranger, now).state).toBe("pending");
          expect(use(approvals, claimOf("user_ada"), now)).toEqual({ state: "approved" });
          const replay = use(approvals, claimOf("user_ada"), now);
          expect(replay.state).toBe("pending");
          expect(replay).not.toHaveProperty("approvalId", id);
          // A pending approval is reported as expired and removed before the next round.
          now += 24 * 60 * MINUTE;
          for (const claim of [changed, stranger, claimOf("user_ada")]) {
            expect(use(approvals, claim, now).state).toBe("expired");
          }
        }),
        { numRuns: 60 },
      );
    });
  });

  it("is requested once, for any number of repeated calls", async () => {
    await withApprovals("user_bea", (approvals) => {
      const ids = Array.from({ length: 5 }, () => ask(approvals, "user_bea", NOON));
      expect(new Set(ids).size).toBe(1);
    });
    expect(await eventsOf("user_bea")).toMatchObject([{ type: "approval_requested", tool: "crm_move_deal" }]);
  });

  it("lets exactly one of fifty calls at once through, also after an eviction", async () => {
    await addPerson({ name: "cleo", role: "sales" });
    const gate = approvalGate(env, "user_cleo");
    const first = await gate.claimApproval(claimOf("user_cleo"));
    if (first.state !== "pending") throw new Error(first.state);
    expect(await gate.decideApproval(yes(first.approvalId))).toBe("recorded");
    await evictDurableObject(principalOf("user_cleo"));
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => gate.claimApproval(claimOf("user_cleo"))),
    );
    expect(answers.filter(({ state }) => state === "approved")).toHaveLength(1);
    expect(answers.filter(({ state }) => state === "pending")).toHaveLength(49);
  });

  it("expires, pending or approved, and reports so once before it is requested again", async () => {
    await withApprovals("user_dan", (approvals) => {
      const id = ask(approvals, "user_dan", NOON);
      expect(approvals.decide(yes(id), NOON + 59 * MINUTE)).toBe("recorded");
      expect(use(approvals, claimOf("user_dan"), NOON + 60 * MINUTE)).toEqual({ state: "expired" });
      expect(use(approvals, claimOf("user_dan"), NOON + 60 * MINUTE).state).toBe("pending");
      const again = ask(approvals, "user_dan", NOON + 60 * MINUTE);
      expect(approvals.decide(yes(again), NOON + 120 * MINUTE)).toBe("expired");
      expect(approvals.nextMoment()).not.toBeNull();
    });
    const types = (await eventsOf("user_dan")).map(({ type }) => type);
    expect(types).toEqual([
      "approval_requested",
      "approval_granted",
      "approval_expired",
      "approval_requested",
      "approval_expired",
    ]);
  });

  it("does not outlive a clock that jumps back", async () => {
    await withApprovals("user_eli", (approvals) => {
      const id = ask(approvals, "user_eli", NOON);
      expect(approvals.decide(yes(id), NOON)).toBe("recorded");
      expect(use(approvals, claimOf("user_eli"), NOON - 5 * MINUTE)).toEqual({ state: "expired" });
      // A small jump is ignored: objects move between machines.
      const other = claimOf("user_eli", { binding: { ...BINDING, tool: "crm_log_activity" } });
      const small = ask(approvals, "user_eli", NOON, other);
      expect(approvals.decide(yes(small), NOON - 10_000)).toBe("recorded");
      expect(use(approvals, { ...other, callId: "c" }, NOON - 15_000)).toEqual({ state: "approved" });
    });
  });

  it("that is refused reports it once with its reason, and the next call asks again", async () => {
    await withApprovals("user_fay", (approvals) => {
      const id = ask(approvals, "user_fay", NOON);
      const no = { granted: false, reason: "Wrong deal." };
      expect(approvals.decide(yes(id, no), NOON)).toBe("recorded");
      expect(approvals.decide(yes(id), NOON)).toBe("closed");
      expect(use(approvals, claimOf("user_fay"), NOON)).toEqual({ state: "refused", reason: "Wrong deal." });
      expect(use(approvals, claimOf("user_fay"), NOON).state).toBe("pending");
    });
  });

  it("is never given by the requester unless the rule allows it, nor by another version of the policy", async () => {
    await withApprovals("user_gus", (approvals) => {
      const id = ask(approvals, "user_gus", NOON);
      expect(approvals.decide(yes(id, { by: "user_gus" }), NOON)).toBe("own");
      expect(approvals.decide(yes(id, { policyDigest: "2".repeat(64) }), NOON)).toBe("policy_changed");
      expect(approvals.decide(yes("nothing"), NOON)).toBe("unknown");
      expect(approvals.decide(yes(id, { by: "user_gus", granted: false }), NOON), "withdrawn").toBe(
        "recorded",
      );
      const own = ask(approvals, "user_gus", NOON, {
        selfApproval: true,
        binding: { ...BINDING, rule: "another" },
      });
      expect(approvals.decide(yes(own, { by: "user_gus" }), NOON)).toBe("recorded");
    });
  });

  it("stays used when its call fails, and is restored for a call that only stopped to ask", async () => {
    await withApprovals("user_hal", (approvals) => {
      approvals.decide(yes(ask(approvals, "user_hal", NOON)), NOON);
      const [first, second] = [claimOf("user_hal"), claimOf("user_hal")];
      expect(use(approvals, first, NOON).state).toBe("approved");
      approvals.release(first.callId, NOON);
      expect(approvals.settle(first.callId, "input_required", NOON)).toBe(false);
      expect(use(approvals, second, NOON).state).toBe("approved");
      expect(approvals.settle(second.callId, "conflict", NOON)).toBe(true);
      approvals.release(second.callId, NOON);
      expect(use(approvals, claimOf("user_hal"), NOON).state).toBe("pending");
    });
    const events = await eventsOf("user_hal");
    expect(events.map((event) => [event.type, "status" in event ? event.status : ""])).toEqual([
      ["approval_requested", ""],
      ["approval_granted", ""],
      ["approval_executed", ""],
      ["approval_returned", "input_required"],
      ["approval_executed", ""],
      ["approval_returned", "conflict"],
      ["approval_requested", ""],
    ]);
  });

  it("is refused above twenty pending ones of the same user", async () => {
    await withApprovals("user_ida", (approvals) => {
      const other = (tool: string) => claimOf("user_ida", { binding: { ...BINDING, tool } });
      for (let index = 0; index < 20; index += 1) {
        expect(use(approvals, other(`tool_${index}`), NOON).state).toBe("pending");
      }
      expect(use(approvals, other("tool_20"), NOON)).toEqual({ state: "full", open: 20 });
      expect(use(approvals, other("tool_19"), NOON).state, "no new one").toBe("pending");
    });
  });

  it("keeps arguments an hour after its end and itself thirty days", async () => {
    await withApprovals("user_jan", (approvals, sql) => {
      const id = ask(approvals, "user_jan", NOON);
      approvals.decide(yes(id, { granted: false }), NOON);
      expect(approvals.read(id, NOON + 59 * MINUTE)?.shown?.values).toEqual({ stage: "won" });
      expect(approvals.read(id, NOON + 60 * MINUTE)?.shown).toBeNull();
      expect(JSON.stringify(sql.exec("SELECT * FROM approval").toArray())).not.toContain('won\\"}');
      expect(approvals.read(id, NOON + 30 * 24 * 60 * MINUTE)).toBeNull();
      expect(approvals.nextMoment()).toBeNull();
    });
  });

  it("lists the differences from the last request of the same app for the same tool", async () => {
    await withApprovals("user_kim", (approvals) => {
      const shown = (values: Record<string, string>) => ({ values, inherited: [], digests: values });
      const request = (argumentsDigest: string, values: Record<string, string>, clientId = "client") => {
        const binding = { ...BINDING, argumentsDigest, clientId };
        const id = ask(approvals, "user_kim", NOON, { binding, shown: shown(values) });
        return approvals.read(id, NOON)?.shown?.differences;
      };
      expect(request("1", { deal: "a", stage: "won" })).toEqual({ first: true, changed: [], missing: [] });
      expect(request("2", { deal: "b", reason: "x", stage: "won" })).toEqual({
        first: false,
        changed: ["deal", "reason"],
        missing: [],
      });
      expect(request("3", { deal: "b", stage: "won" })).toMatchObject({ changed: [], missing: ["reason"] });
      expect(request("4", { deal: "b" }, "another app")).toMatchObject({ first: true });
    });
  });

  it("wakes calls that wait for its decision, and those whose time is over", async () => {
    await addPerson({ name: "lea", role: "sales" });
    const gate = approvalGate(env, "user_lea");
    const first = await gate.claimApproval(claimOf("user_lea"));
    if (first.state !== "pending") throw new Error(first.state);
    const began = Date.now();
    const waiting = gate.awaitApproval(first.approvalId, 60_000);
    await gate.decideApproval(yes(first.approvalId));
    await waiting;
    expect(Date.now() - began).toBeLessThan(30_000);
    await gate.awaitApproval(first.approvalId, 60_000);
    await gate.awaitApproval("nothing", 60_000);
  });

  it("cannot be claimed by a grant that ended, a user who is disabled, or in another role than now", async () => {
    await addPerson({ name: "max", role: "sales" });
    const [gate, principal] = [approvalGate(env, "user_max"), principalOf("user_max")];
    const first = await gate.claimApproval(claimOf("user_max"));
    if (first.state !== "pending") throw new Error(first.state);
    await gate.decideApproval(yes(first.approvalId));
    expect(await gate.claimApproval(claimOf("user_max", { role: "admin" }))).toEqual({
      state: "role_changed",
    });
    await principal.revokeGrant("grant");
    expect(await gate.claimApproval(claimOf("user_max"))).toEqual({ state: "access_ended" });
    expect((await gate.readApproval(first.approvalId))?.disconnected).toBe(true);
    await env.PLATFORM_DB.prepare(`UPDATE "user" SET "disabled" = 1 WHERE "id" = 'user_max'`).run();
    await evictDurableObject(principal);
    const other = { ...BINDING, grantId: "another" };
    expect(await gate.claimApproval(claimOf("user_max", { binding: other }))).toEqual({
      state: "access_ended",
    });
  });
});

describe("the records of approvals", () => {
  it("are in the requester's chain, verify, and hold no argument", async () => {
    await withApprovals("user_nia", (approvals) => {
      approvals.decide(yes(ask(approvals, "user_nia", NOON)), NOON);
      const claim = claimOf("user_nia");
      use(approvals, claim, NOON);
      approvals.settle(claim.callId, "ok", NOON);
    });
    const events = await eventsOf("user_nia");
    expect(events).toMatchObject([
      { type: "approval_requested", expiresAt: NOON + 60 * MINUTE, argumentsDigest: "a".repeat(64) },
      { type: "approval_granted", by: "user_boss", policyDigest: "1".repeat(64) },
      { type: "approval_executed", callId: expect.any(String) },
      { type: "approval_returned", status: "ok" },
    ]);
    expect(JSON.stringify(events)).not.toContain('won"');
    await deliverAll("user_nia");
    expect((await verifyExport(await exportTrail())).findings).toEqual([]);
  });

  it("include an expiry by the object's own alarm, and the list in the platform database follows", async () => {
    await addPerson({ name: "oda", role: "sales" });
    const gate = approvalGate(env, "user_oda");
    const answer = await gate.claimApproval(claimOf("user_oda"));
    if (answer.state !== "pending") throw new Error(answer.state);
    const select = env.PLATFORM_DB.prepare("SELECT state FROM approval WHERE id = ?").bind(answer.approvalId);
    const state = () => select.first<string>("state");
    await expect.poll(state).toBe("pending");
    await runInDurableObject(principalOf("user_oda"), (_object, { storage: { sql } }) => {
      const body = `json_set(body, '$.expiresAt', 1)`;
      sql.exec(`UPDATE approval SET expires_at = 1, body = ${body}`);
    });
    await runDurableObjectAlarm(principalOf("user_oda"));
    await expect.poll(state).toBe("expired");
    const stored = await env.PLATFORM_DB.prepare("SELECT * FROM approval WHERE requester = 'user_oda'").all();
    expect(JSON.stringify(stored.results)).not.toContain("won");
  });
});
