import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import type { Intent, PrincipalGate } from "../../shared/guard/admit.ts";
import type { Claim } from "../../shared/guard/claim.ts";
import { writeCallLog } from "../../workers/principal/call-log.ts";
import { CallOutbox, type CallRecord } from "../../workers/principal/call-outbox.ts";
import { DEPLOYED_LIMITS } from "../support/limits.ts";
import { LANES, openSession } from "../support/session.ts";
import { addPerson } from "../support/token.ts";

const CLAIM: Claim = { grantId: "grant", costlyTool: null, timeoutMs: 20_000, limits: DEPLOYED_LIMITS };

const principal = (userId: string) => env.PRINCIPAL.get(env.PRINCIPAL.idFromName(userId));

async function recordsOf(userId: string): Promise<CallRecord[]> {
  return runInDurableObject(principal(userId), (_object, state) =>
    new CallOutbox(state.storage.sql).ready(Number.MAX_SAFE_INTEGER),
  );
}

function intent(callId: string, userId: string): Intent {
  const subject = { kind: "tool", server: "crm", name: "crm_find_contacts" } as const;
  return {
    callId,
    at: 1,
    traceId: "t",
    userId,
    clientId: "c",
    sessionId: null,
    lane: "stateless",
    ...subject,
  };
}

describe.each(LANES)("the record of a call on the %s lane", (lane) => {
  it("names the person, the app, the tool and the outcome, and no arguments", async () => {
    const name = `carol_${lane}`;
    const session = await openSession({ server: "knowledge", lane, as: name });
    await session.call("context_set", { note: "my private note" });
    await session.call("context_get", { limit: "many" });
    // The outcome is written off the critical path: it may come after the answer.
    const records = await vi.waitUntil(async () => {
      const written = await recordsOf(`user_${name}`);
      return written.every(({ status }) => status !== "unknown") && written;
    });
    expect(records).toMatchObject([
      { name: "context_set", status: "ok", lane, clientId: session.token.clientId, kind: "tool" },
      { name: "context_get", status: "invalid_input", lane },
    ]);
    expect(JSON.stringify(records)).not.toContain("private");
  });
});

describe("an intent", () => {
  it("is durable before the call runs and says unknown when no outcome ever comes", async () => {
    const gate = principal("user_dave") as unknown as PrincipalGate;
    await gate.admit(intent("call-1", await addPerson({ name: "dave", role: "viewer" })), CLAIM);
    expect(await recordsOf("user_dave")).toMatchObject([{ callId: "call-1", status: "unknown" }]);
  });

  it("keeps its first outcome", async () => {
    const gate = principal("user_erin") as unknown as PrincipalGate;
    await gate.admit(intent("call-2", await addPerson({ name: "erin", role: "viewer" })), CLAIM);
    await gate.settle({ callId: "call-2", status: "ok", durationMs: 3, bytes: 10 });
    await gate.settle({ callId: "call-2", status: "timeout", durationMs: 9, bytes: 0 });
    expect(await recordsOf("user_erin")).toMatchObject([{ status: "ok", durationMs: 3 }]);
  });
});

describe("the way to the platform database", () => {
  it("empties the outbox once the queue has taken the records", async () => {
    const gate = principal("user_frank") as unknown as PrincipalGate;
    await gate.admit(intent("call-3", await addPerson({ name: "frank", role: "viewer" })), CLAIM);
    await gate.settle({ callId: "call-3", status: "ok", durationMs: 1, bytes: 1 });
    expect(await runDurableObjectAlarm(principal("user_frank"))).toBe(true);
    expect(await recordsOf("user_frank")).toEqual([]);
  });

  it("writes a record that is delivered twice once", async () => {
    const record: CallRecord = { ...intent("call-4", "user_gina"), status: "ok", durationMs: 1, bytes: 1 };
    const batch = {
      queue: "calls",
      messages: [{ body: record }, { body: record }],
    } as unknown as MessageBatch;
    await writeCallLog(batch, env);
    await writeCallLog(batch, env);
    const { results } = await env.PLATFORM_DB.prepare(
      "SELECT status, name FROM call_log WHERE call_id = 'call-4'",
    ).all();
    expect(results).toEqual([{ status: "ok", name: "crm_find_contacts" }]);
  });
});
