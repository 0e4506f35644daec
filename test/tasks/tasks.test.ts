import {
  evictDurableObject,
  listDurableObjectIds,
  runDurableObjectAlarm,
  runInDurableObject,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { principalGate } from "../../shared/objects/principal-gate.ts";

import { grantIdOf } from "../../workers/gateway/oauth/grant.ts";
import type { TaskRunner } from "../../workers/objects/tasks/task-runner.ts";
import { eventsOf } from "../audit/trail.ts";
import { goBackTo, publish } from "../support/publish.ts";
import { openSession, type SessionOptions, type TestSession } from "../support/session.ts";
import { reachTask, runnerOf, stopRunner, TASKS } from "../support/tasks.ts";
import { issueToken } from "../support/token.ts";
import { until } from "../support/until.ts";

/** More orders than one step processes. */
function makeEvents(count: number) {
  return Array.from({ length: count }, (_, index) => ({
    key: `order-${index}`,
    occurred_at: "2026-02-03T12:00:00Z",
    kind: "order",
    customer_id: `C${index % 50}`,
    ...{ region: "Europe", country: "Germany", segment: "Consumer", channel: "search" },
    ...{ category: "Footwear", product: "Trail Shoe", quantity: 1, amount_cents: 1_000 },
  }));
}

function open(options: Partial<SessionOptions> = {}): Promise<TestSession> {
  return openSession({ server: "analytics", lane: "stateless", capabilities: TASKS, ...options });
}

/** Calls the tool and returns the answer unchanged. */
async function track(session: TestSession, count: number) {
  const params = { name: "analytics_track", arguments: { events: makeEvents(count) } };
  return (await session.request("tools/call", params)).result;
}

const get = (session: TestSession, taskId: string) => session.request("tasks/get", { taskId });

const countEvents = () => env.ANALYTICS_DB.prepare("SELECT count(*) AS n FROM events").first<number>("n");

beforeEach(async () => {
  await env.ANALYTICS_DB.exec("DELETE FROM events");
});

// Thousands of events per test: seconds on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

describe("work that is longer than a call", () => {
  it("is a task for a client that supports them, with progress, and its answer at the end", async () => {
    const session = await open();
    const created = await track(session, 2_500);
    expect(created).toMatchObject({
      resultType: "task",
      taskId: expect.stringMatching(/^[\da-f]{32}\./),
      status: "working",
      ttlMs: 3_600_000,
    });
    // Durable before the response: the task exists at once.
    expect((await get(session, created.taskId)).result.taskId).toBe(created.taskId);
    const task = await reachTask(session, created.taskId);
    expect(task).toMatchObject({ resultType: "complete", status: "completed" });
    // The status message of its progress ends with it.
    expect(task).not.toHaveProperty("statusMessage");
    expect(task.result.structuredContent).toMatchObject({ received: 2_500, stored: 2_500, rejected: 0 });
    expect(JSON.parse(task.result.content[0].text)).toEqual(task.result.structuredContent);
    expect(await countEvents()).toBe(2_500);
  });

  it("continues with the next alarm when it has more steps than one alarm runs", async () => {
    const session = await open({ as: "shifts" });
    const { taskId } = await track(session, 9_500);
    const { result } = await reachTask(session, taskId);
    expect(result.structuredContent).toMatchObject({ received: 9_500, stored: 9_500 });
  });

  it("is done within the call when it is short, and for every other client", async () => {
    expect((await track(await open(), 10)).structuredContent).toMatchObject({ stored: 10 });
    for (const session of [await open({ capabilities: {} }), await open({ lane: "sessionful" })]) {
      expect((await track(session, 1_100)).structuredContent).toMatchObject({ received: 1_100 });
    }
  });

  it("is no task of 2025-11-25: a server without them answers as if none had been requested", async () => {
    const session = await open({ lane: "sessionful" });
    const params = { name: "analytics_track", arguments: { events: makeEvents(10) }, task: { ttl: 60_000 } };
    const { result } = await session.request("tools/call", params);
    expect(result.structuredContent).toMatchObject({ stored: 10 });
  });

  it("passes the guard with every step: each has its intent and its outcome in the trail, under one trace", async () => {
    const session = await open({ as: "tracked" });
    const { taskId } = await track(session, 2_500);
    await reachTask(session, taskId);
    await until(async () => {
      const calls = (await eventsOf("user_tracked")).filter(({ type }) => type === "outcome");
      expect(calls).toHaveLength(4);
    });
    const events = await eventsOf("user_tracked");
    const intents = events.filter((event) => event.type === "intent");
    // The call, and three steps of at most 1,000 events.
    expect(intents.map(({ name }) => name)).toEqual(Array(4).fill("analytics_track"));
    expect(new Set(intents.map(({ traceId }) => traceId)).size).toBe(1);
    expect(new Set(intents.map(({ argumentsDigest }) => argumentsDigest)).size).toBe(1);
  });

  it("continues after an eviction, and after its object was stopped in the middle of a step", async () => {
    const session = await open({ as: "stopped" });
    const { taskId } = await track(session, 4_000);
    await stopRunner("user_stopped");
    expect((await get(session, taskId)).result.status).toBe("working");
    // The platform's alarm; waiting for it would take a minute here.
    const runner = runnerOf("user_stopped");
    await runDurableObjectAlarm(runner);
    const { result } = await reachTask(session, taskId);
    const { received, stored, duplicates } = result.structuredContent;
    // The interrupted step may have stored its events: they exist once all the same.
    expect([received, stored + duplicates]).toEqual([4_000, 4_000]);
    expect(await countEvents()).toBe(4_000);
    await evictDurableObject(runner);
    expect((await get(session, taskId)).result.status).toBe("completed");
  });

  it("stops when it is cancelled, and takes no further step", async () => {
    const session = await open();
    const { taskId } = await track(session, 10_000);
    expect((await session.request("tasks/cancel", { taskId })).result).toEqual({
      resultType: "complete",
      _meta: expect.anything(),
    });
    expect((await get(session, taskId)).result).toMatchObject({ status: "cancelled" });
    await until(async () => {
      const { statusMessage } = (await get(session, taskId)).result;
      expect(statusMessage).toMatch(/^Cancelled by the client\. At least \d+ of 10000 events were stored/);
    });
    await evictDurableObject(runnerOf("user_alice"));
    await runDurableObjectAlarm(runnerOf("user_alice"));
    expect(await countEvents()).toBeLessThan(10_000);
    // A finished task is unchanged.
    expect((await session.request("tasks/cancel", { taskId })).result).toMatchObject({
      resultType: "complete",
    });
  });

  it("ends at its next step when the app's access has been revoked", async () => {
    const session = await open({ as: "revoked" });
    const { taskId } = await track(session, 10_000);
    await principalGate(env, "user_revoked").revokeGrant(grantIdOf(session.token.accessToken));
    const runner = runnerOf("user_revoked");
    await until(() =>
      runInDurableObject(runner, (_runner: TaskRunner, state) => {
        const [id = ""] = taskId.split(".");
        const row = state.storage.sql.exec("SELECT status, message FROM tasks WHERE id = ?", id).one();
        expect(row).toEqual({ status: "cancelled", message: "The app's access has ended." });
      }),
    );
    expect(await countEvents()).toBeLessThan(10_000);
    expect((await get(session, taskId)).status).toBe(401);
  });

  it("ends at its next step when the policy has come to forbid its call", async () => {
    const session = await open({ as: "overruled" });
    const { taskId } = await track(session, 9_500);
    const abort = (_runner: TaskRunner, state: DurableObjectState) => state.abort("stopped");
    await expect(runInDurableObject(runnerOf("user_overruled"), abort)).rejects.toThrow();
    await publish(({ roles }) => {
      roles.admin = {
        ...(roles.admin as NonNullable<typeof roles.admin>),
        conditions: [
          {
            name: "few",
            tools: ["analytics_track"],
            require: { expression: "size(args.events) < 10" },
            message: "Only a few events at a time.",
          },
        ],
      };
    });
    // Otherwise the user's object would use the earlier policy for up to 30 seconds.
    await evictDurableObject(env.PRINCIPAL.get(env.PRINCIPAL.idFromName("user_overruled")));
    await runDurableObjectAlarm(runnerOf("user_overruled"));
    const { status, result } = await reachTask(session, taskId);
    await goBackTo(1);
    expect([status, result.isError]).toEqual(["completed", true]);
    expect(JSON.parse(result.content[0].text).error).toMatchObject({
      code: "forbidden",
      message: "Only a few events at a time.",
    });
    expect(await countEvents()).toBeLessThan(9_500);
  });

  it("is deleted after its lifetime", async () => {
    const session = await open({ as: "late" });
    const { taskId } = await track(session, 1_100);
    await reachTask(session, taskId);
    const runner = runnerOf("user_late");
    await runInDurableObject(runner, async (_runner: TaskRunner, state) => {
      state.storage.sql.exec("UPDATE tasks SET created_at = created_at - 2 * ttl_ms");
    });
    expect((await get(session, taskId)).error?.code).toBe(-32602);
    await runDurableObjectAlarm(runner);
    await runInDurableObject(runner, async (_runner: TaskRunner, state) => {
      expect(state.storage.sql.exec("SELECT 1 FROM tasks").toArray()).toEqual([]);
      expect(state.storage.sql.exec("SELECT 1 FROM task_texts").toArray()).toEqual([]);
      expect(await state.storage.getAlarm()).toBeNull();
    });
  });
});

describe("a task belongs to the user, the app and the URL that began it", () => {
  it("is unknown to a colleague, to another app, at another URL and without a good seal; no object is created", async () => {
    const alice = await open();
    const { taskId } = await track(alice, 1_100);
    await reachTask(alice, taskId);
    const strangers = [
      await open({ as: "bob" }),
      await open(),
      await open({ server: "" }),
      await open({ server: "crm" }),
    ];
    const before = (await listDurableObjectIds(env.TASK_RUNNER)).length;
    for (const stranger of strangers) {
      for (const [method, params] of [
        ["tasks/get", {}],
        ["tasks/update", { inputResponses: { "s1-q1": { action: "accept", content: {} } } }],
        ["tasks/cancel", {}],
      ] as const) {
        expect((await stranger.request(method, { taskId, ...params })).error?.code, method).toBe(-32602);
      }
    }
    const forged = `${"0".repeat(32)}${taskId.slice(32)}`;
    expect((await get(alice, forged)).error?.code).toBe(-32602);
    expect((await listDurableObjectIds(env.TASK_RUNNER)).length).toBe(before);
    expect((await get(alice, taskId)).result.status).toBe("completed");
  });

  it("is unknown to a user who may not call its tool any more", async () => {
    const session = await open({ as: "demoted" });
    const { taskId } = await track(session, 1_100);
    await reachTask(session, taskId);
    const { clientId } = session.token;
    const person = { name: "demoted", role: "viewer", scopes: ["analytics:read"] };
    session.token = await issueToken({ server: "analytics", clientId, ...person });
    expect((await get(session, taskId)).error?.code).toBe(-32602);
  });

  it("is hidden from its app without the scope of its tool, and accepts no answer from it", async () => {
    const session = await open({ as: "narrowed" });
    const { taskId } = await track(session, 1_100);
    await reachTask(session, taskId);
    const { clientId } = session.token;
    const app = { server: "analytics", clientId, name: "narrowed", role: "admin" };
    session.token = await issueToken({ ...app, scopes: ["analytics:read"] });
    const update = { taskId, inputResponses: {} };
    for (const answer of [await get(session, taskId), await session.request("tasks/update", update)]) {
      expect(answer.result).toBeUndefined();
      expect(answer.error?.data).toMatchObject({ error: { code: "insufficient_scope" } });
    }
    session.token = await issueToken({ ...app, scopes: ["analytics:read", "analytics:write"] });
    expect((await get(session, taskId)).result.status).toBe("completed");
  });

  it("is refused above twenty unfinished ones, with a remedy", async () => {
    await runInDurableObject(runnerOf("user_busy"), async (runner: TaskRunner, state) => {
      await runner.listKept();
      state.storage.sql.exec(
        `INSERT INTO tasks (id, sealed_id, client_id, server, tool, status, state, created_at, updated_at, ttl_ms)
         SELECT value, value, '', '', '', 'input_required', 'null', ?1, ?1, 60000
           FROM json_each('["1","2","3","4","5","6","7","8","9","10","11","12","13","14","15","16","17","18","19","20"]')`,
        Date.now(),
      );
    });
    const { isError, error } = await (await open({ as: "busy" })).call("analytics_track", {
      events: makeEvents(1_100),
    });
    expect(isError).toBe(true);
    expect(error).toMatchObject({
      code: "rate_limited",
      suggested_action: expect.stringContaining("cancel"),
    });
  });
});
