import { evictAllDurableObjects, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { KnowledgeAgent } from "../../workers/knowledge/agent.ts";
import { openSession, type TestSession } from "../support/session.ts";
import { issueToken } from "../support/token.ts";

const DAY_MS = 24 * 60 * 60_000;

/** The Durable Object of a sessionful session. */
function objectOf(session: TestSession) {
  const [id] = (session.sessionId ?? "").split(".");
  return env.KNOWLEDGE_AGENT.get(env.KNOWLEDGE_AGENT.idFromName(`streamable-http:${id}`));
}

describe("a session's life", () => {
  it("continues after an eviction with the same identity check and the same answers", async () => {
    const session = await openSession({ server: "knowledge", lane: "sessionful" });
    const before = await session.listTools();
    await evictAllDurableObjects();
    expect(await session.listTools()).toEqual(before);
  });

  it("continues with a narrowed and with a stepped-up token, each with its own rights", async () => {
    const session = await openSession({ server: "knowledge", lane: "sessionful" });
    const call = () => session.request("tools/call", { name: "knowledge_save_article", arguments: {} });
    expect((await call()).status).toBe(200);
    for (const [scopes, status] of [
      [["knowledge:read"], 403],
      [["knowledge:read", "knowledge:write"], 200],
    ] as const) {
      const { clientId } = session.token;
      session.token = await issueToken({
        server: "knowledge",
        name: "alice",
        role: "admin",
        scopes,
        clientId,
      });
      expect((await call()).status).toBe(status);
      await evictAllDurableObjects();
      expect((await call()).status).toBe(status);
    }
  });

  it("ends after a day without use", async () => {
    const session = await openSession({ server: "knowledge", lane: "sessionful" });
    await runInDurableObject(objectOf(session), async (agent: KnowledgeAgent, state) => {
      await state.storage.put("lastUseAt", Date.now() - DAY_MS);
      await agent.endWhenIdle();
    }).catch(() => {}); // ending a session aborts its object
    expect((await session.request("tools/list")).status).toBe(404);
  });

  it("continues when it was used recently, and checks again later", async () => {
    const session = await openSession({ server: "knowledge", lane: "sessionful" });
    await runInDurableObject(objectOf(session), async (agent: KnowledgeAgent, state) => {
      await state.storage.put("lastUseAt", Date.now() - DAY_MS / 2);
      await agent.endWhenIdle();
      const next = (await state.storage.getAlarm()) ?? 0;
      expect(next - Date.now()).toBeLessThanOrEqual(DAY_MS / 2);
      expect(next).toBeGreaterThan(Date.now());
    });
    expect((await session.request("tools/list")).status).toBe(200);
  });

  it("stores no token, no scope and no e-mail address", async () => {
    const session = await openSession({ server: "knowledge", lane: "sessionful" });
    await session.call("context_get");
    await runInDurableObject(objectOf(session), async (_agent: KnowledgeAgent, state) => {
      const stored = JSON.stringify([...(await state.storage.list())]);
      const tables = state.storage.sql
        .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")
        .toArray();
      const rows = tables
        .filter(({ name }) => !name.startsWith("_cf_") && !name.startsWith("sqlite_"))
        .map(({ name }) => JSON.stringify(state.storage.sql.exec(`SELECT * FROM "${name}"`).toArray()));
      for (const text of [stored, ...rows]) {
        expect(text).not.toContain(session.token.accessToken);
        expect(text).not.toContain("people.example");
        expect(text).not.toContain("knowledge:read");
      }
    });
  });
});
