import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { delayAfter } from "../../shared/objects/object-alarm.ts";
import { withGrantStore } from "../../workers/gateway/grants/grant-storage.ts";
import type { KnowledgeAgent } from "../../workers/knowledge/agent.ts";
import { intentOf, linksOf, principalOf, takenAt, withTrail } from "../audit/trail.ts";
import { openSession } from "../support/session.ts";

const DAY_MS = 24 * 60 * 60_000;
const QUARTER_HOUR_MS = 15 * 60_000;

/** Runs an object's alarm repeatedly, and returns the milliseconds until the next one each time. */
async function ring(object: DurableObjectStub, times: number): Promise<number[]> {
  const delays: number[] = [];
  for (let time = 0; time < times; time += 1) {
    expect(await runDurableObjectAlarm(object)).toBe(true);
    const at = await runInDurableObject(object, (_object, state) => state.storage.getAlarm());
    delays.push((at ?? 0) - Date.now());
  }
  return delays;
}

/** Renames a table so that an object cannot use it, and back. */
function renameTable(object: DurableObjectStub, from: string, to: string): Promise<void> {
  return runInDurableObject(object, (_object, state) => {
    state.storage.sql.exec(`ALTER TABLE ${from} RENAME TO ${to}`);
  });
}

function setAlarm(object: DurableObjectStub): Promise<void> {
  return runInDurableObject(object, (_object, state) => state.storage.setAlarm(Date.now() + DAY_MS));
}

function expectGrowing(delays: readonly number[]): void {
  for (const [failures, delay] of delays.entries()) {
    expect(delay).toBeGreaterThan(delayAfter(failures + 1) - 5_000);
    expect(delay).toBeLessThanOrEqual(delayAfter(failures + 1));
  }
  expect(delays.at(-1)).toBeGreaterThan(QUARTER_HOUR_MS - 5_000);
}

describe("an object whose alarm fails twenty times in a row without a call of its user", () => {
  it("sends its records when the queue accepts them again", async () => {
    const object = principalOf("user_queue");
    await withTrail("user_queue", (trail) => trail.open(intentOf("user_queue", "call-1"), 0, takenAt(0)));
    await setAlarm(object);
    const takes = async (send: (body: unknown) => Promise<unknown>) =>
      runInDurableObject(object, (principal) => {
        const bound = principal as unknown as { env: object };
        bound.env = { ...bound.env, CALL_QUEUE: { send } };
      });
    await takes(() => Promise.reject(new Error("Queue sendBatch failed: Internal Server Error")));
    expectGrowing(await ring(object, 20));
    expect(await linksOf("user_queue")).toHaveLength(2);
    const sent: unknown[] = [];
    await takes(async (body) => sent.push(body));
    await ring(object, 1);
    expect(sent.flat()).toMatchObject([{ sequence: 1 }, { sequence: 2 }]);
  });

  it.each([
    ["GRANT_STORE", "records"],
    ["TASK_RUNNER", "tasks"],
    ["CHANGE_HUB", "rounds"],
  ] as const)("retries by itself: %s", async (binding, table) => {
    const namespace = env[binding] as DurableObjectNamespace;
    const object = namespace.get(namespace.idFromName("user_failing"));
    // The store of grants creates its tables with the first grant.
    await withGrantStore(env).OAUTH_KV.put("grant:user_failing:a", "{}");
    await setAlarm(object);
    await renameTable(object, table, "out_of_reach");
    expectGrowing(await ring(object, 20));
    await renameTable(object, "out_of_reach", table);
    expect(await runDurableObjectAlarm(object)).toBe(true);
    const failures = await runInDurableObject(object, (_object, state) =>
      state.storage.get("alarm_failures"),
    );
    expect(failures).toBeUndefined();
  });

  it("ends an idle session when its storage works again", async () => {
    const session = await openSession({ server: "knowledge", lane: "sessionful" });
    const [id] = (session.sessionId ?? "").split(".");
    const object = env.KNOWLEDGE_AGENT.get(env.KNOWLEDGE_AGENT.idFromName(`streamable-http:${id}`));
    const delays: number[] = [];
    await runInDurableObject(object, async (agent: KnowledgeAgent, state) => {
      await state.storage.put("lastUseAt", Date.now() - DAY_MS);
      agent.destroy = () => Promise.reject(new Error("storage is away"));
      for (let failures = 0; failures < 20; failures += 1) {
        await agent.endWhenIdle(failures);
        const waiting = agent.getSchedules().filter(({ callback }) => callback === "endWhenIdle");
        const newest = waiting.find(({ payload }) => (payload as unknown) === failures + 1);
        delays.push((newest?.time ?? 0) * 1000 - Date.now());
      }
      Reflect.deleteProperty(agent, "destroy");
    });
    expect(delays).toHaveLength(20);
    expect(delays.at(-1)).toBeGreaterThan(QUARTER_HOUR_MS - 5_000);
    await runInDurableObject(object, (agent: KnowledgeAgent) => agent.endWhenIdle(20)).catch(() => {});
    expect((await session.request("tools/list")).status).toBe(404);
  });

  it("retries a session object whose start fails, at growing intervals", async () => {
    const session = await openSession({ server: "knowledge", lane: "sessionful" });
    const [id] = (session.sessionId ?? "").split(".");
    const object = env.KNOWLEDGE_AGENT.get(env.KNOWLEDGE_AGENT.idFromName(`streamable-http:${id}`));
    await setAlarm(object);
    await runInDurableObject(object, (agent: KnowledgeAgent) => {
      agent.onAlarm = () => {
        throw new Error("no start");
      };
    });
    expectGrowing(await ring(object, 20));
  });
});
