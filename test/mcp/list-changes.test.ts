import { evictAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { changeGate, personGate, RIGHTS } from "../../shared/objects/change-gate.ts";
import { nameWhoChanged, setRole } from "../../shared/people/statements.ts";
import type { PolicyDocument } from "../../shared/policy/schema.ts";
import type { KnowledgeAgent } from "../../workers/knowledge/agent.ts";
import { ChangeHub } from "../../workers/objects/changes/change-hub.ts";
import { saveArticles } from "../knowledge/fixture.ts";
import { countListeners, countSessions, hubOf, hubsOf } from "../support/hubs.ts";
import { type NewsReader, waitForNews } from "../support/news.ts";
import { goBackTo, publish, readState } from "../support/publish.ts";
import { LANES, openSession, type TestSession } from "../support/session.ts";

const TOOL = "knowledge_list_gaps";

type Role = PolicyDocument["roles"][string];

beforeAll(saveArticles);

// The next test starts with the bundled policy, and without subscribers.
afterEach(async () => {
  if ((await readState()).version !== 1) await goBackTo(1);
  await tellPolicy();
});

let people = 0;

/** A client of a new editor, which subscribes to list changes and watches no resource. */
async function listen(lane: (typeof LANES)[number]): Promise<{ session: TestSession; news: NewsReader }> {
  const session = await openSession({ server: "knowledge", lane, as: `ed${people++}`, role: "editor" });
  return { session, news: (await waitForNews(session, { lists: true })).news };
}

const openWriter = () => openSession({ server: "knowledge", lane: "stateless" });

function changeEditors(change: Partial<Role>): Promise<number> {
  return publish(({ roles }) => {
    roles.editor = { ...(roles.editor as Role), ...change };
  });
}

function post(path: string, body: unknown): Promise<Response> {
  const text = JSON.stringify(body);
  return exports.default.fetch(new URL(path, env.PUBLIC_URL), {
    method: "POST",
    headers: { "content-type": "application/json", "content-length": String(text.length) },
    body: text,
  });
}

/** Reports that the newest publication is in force, as the publishing command does. */
async function tellPolicy(): Promise<void> {
  const { publication } = await readState();
  if (publication > 0) expect((await post("/policy/changes", { publication })).status).toBe(200);
}

/** Changes a user's role and notifies the Worker, as the command does. */
async function changeRole(name: string, role: string): Promise<void> {
  const email = `${name}@people.example`;
  const mark = crypto.randomUUID();
  const sql = `${setRole(email, role, new Date().toISOString())}\n${nameWhoChanged(email, "tests", mark)}`;
  const statements = sql.split(";\n").map((text) => env.PLATFORM_DB.prepare(text.replace(/;$/, "")));
  await env.PLATFORM_DB.batch(statements);
  expect((await post("/people/changes", { mark })).status).toBe(200);
}

/** The next `count` methods, in any order. */
async function nextMethods(news: NewsReader, count: number): Promise<unknown[]> {
  const methods = [];
  for (let index = 0; index < count; index += 1) methods.push((await news.next())?.method);
  return methods.sort();
}

/** The Durable Object of a sessionful session. */
const objectOf = ({ sessionId }: TestSession) =>
  env.KNOWLEDGE_AGENT.get(env.KNOWLEDGE_AGENT.idFromName(`streamable-http:${sessionId?.split(".")[0]}`));

async function nameTools(session: TestSession): Promise<string[]> {
  return (await session.listTools()).map(({ name }: { name: string }) => name);
}

describe.each(LANES)("a client on the %s lane that subscribes to list changes only", (lane) => {
  it("is notified of a published policy, and gets the lists that it allows", async () => {
    const { session, news } = await listen(lane);
    expect(await nameTools(session)).toContain(TOOL);
    await evictAllDurableObjects();
    await changeEditors({ denied_tools: [TOOL], denied_prompts: ["*"] });
    await tellPolicy();
    expect(await nextMethods(news, 2)).toEqual([
      "notifications/prompts/list_changed",
      "notifications/tools/list_changed",
    ]);
    expect(await nameTools(session)).not.toContain(TOOL);
    await goBackTo(1);
    await tellPolicy();
    await nextMethods(news, 2);
    expect(await nameTools(session)).toContain(TOOL);
    await news.close();
  });

  it("is notified of its user's new role, and no other client is", async () => {
    const [demoted, other] = [await listen(lane), await listen(lane)];
    await changeRole(`ed${people - 2}`, "viewer");
    expect((await demoted.news.next())?.method).toBe("notifications/tools/list_changed");
    expect(await nameTools(demoted.session)).not.toContain("knowledge_save_article");
    await changeEditors({ denied_prompts: ["*"] });
    await tellPolicy();
    expect((await other.news.next())?.method).toBe("notifications/prompts/list_changed");
    for (const { news } of [demoted, other]) await news.close();
  });

  it("is notified of an article that a colleague added, and of many more a while later in one message", async () => {
    const { news } = await listen(lane);
    const writer = await openWriter();
    const add = (title: string) =>
      writer.call("knowledge_save_article", { collection: "handbook", title, body: "Text." });
    const hub = hubOf("knowledge", `user_ed${people - 1}`);
    await runDurableObjectAlarm(hub);
    await evictAllDurableObjects();
    await add(`First on ${lane}`);
    expect((await news.next())?.method).toBe("notifications/resources/list_changed");
    for (const number of [2, 3, 4]) await add(`${number} on ${lane}`);
    // The topic announces at most once a second to its shards.
    await expect.poll(() => runDurableObjectAlarm(hub)).toBe(true);
    expect((await news.next())?.method).toBe("notifications/resources/list_changed");
    await changeEditors({ denied_tools: [TOOL] });
    await tellPolicy();
    expect((await news.next())?.method).toBe("notifications/tools/list_changed");
    await news.close();
  });
});

describe("a session whose stream was closed", () => {
  it("is woken by a notification once, and receives missed ones when it opens the next stream", async () => {
    const { session, news } = await listen("sessionful");
    const before = await countSessions(RIGHTS);
    await news.close();
    // The object notices the closed stream a moment later than the client.
    await expect
      .poll(async () => {
        await changeGate(env, RIGHTS).publish({ userId: `user_ed${people - 1}` });
        return countSessions(RIGHTS);
      })
      .toBe(before - 1);
    await changeEditors({ denied_tools: [TOOL] });
    await tellPolicy();
    const again = (await waitForNews(session, {})).news;
    expect((await again.next())?.method).toBe("notifications/tools/list_changed");
    expect(await countSessions(RIGHTS)).toBe(before);
    await again.close();
  });

  it("is unsubscribed after it ended", async () => {
    const { session, news } = await listen("sessionful");
    const before = await countSessions(RIGHTS);
    const ended = await exports.default.fetch(session.url, {
      method: "DELETE",
      headers: {
        host: new URL(session.url).host,
        authorization: `Bearer ${session.token.accessToken}`,
        "mcp-session-id": session.sessionId ?? "",
      },
    });
    expect(ended.status).toBe(204);
    expect(await countSessions(RIGHTS)).toBe(before - 1);
    await news.close();
  });

  it("is unsubscribed after a day without use", async () => {
    const { session } = await listen("sessionful");
    const before = await countSessions(RIGHTS);
    await runInDurableObject(objectOf(session), async (agent: KnowledgeAgent, { storage }) => {
      await storage.put("lastUseAt", 0);
      await agent.endWhenIdle();
    }).catch(() => {}); // ending a session aborts its object
    expect(await countSessions(RIGHTS)).toBe(before - 1);
  });
});

describe("a topic with many subscribed sessions", () => {
  it("notifies all sessions that it concerns, more than one run may notify", async () => {
    const topic = "crowd";
    // A session that cannot be reached is unsubscribed after its notification.
    for (const userId of ["user_0", "user_1"]) {
      await runInDurableObject(hubOf(topic, userId), async (hub: ChangeHub) => {
        for (let number = 0; number < 500; number += 1) {
          const place = { binding: "NOWHERE", name: `streamable-http:${userId}-${number}` };
          await hub.subscribe(place, { userId, pace: "soon" });
        }
      });
    }
    await changeGate(env, topic).publish({ userId: "user_1" });
    await expect.poll(() => countSessions(topic)).toBe(500);
    await changeGate(env, topic).publish();
    await expect.poll(() => countSessions(topic)).toBe(0);
  });
});

describe("the shards of a topic", () => {
  it("hold its subscribers, and only those with some are announced to", async () => {
    const topic = "shards";
    const people = Array.from({ length: 40 }, (_, number) => `user_${number}`);
    const place = (userId: string) => ({ binding: "NOWHERE", name: userId });
    await Promise.all(
      people.map((userId) =>
        personGate(env, topic, userId).subscribe(place(userId), { userId, pace: "soon" }),
      ),
    );
    const counts = await Promise.all(hubsOf(topic).map(countListeners));
    expect(counts[0]).toBe(0);
    expect(counts.filter((count) => count > 0).length).toBeGreaterThan(5);
    await personGate(env, topic, "user_0").subscribe(place("user_0"), null);
    expect(await countSessions(topic)).toBe(39);
    await changeGate(env, topic).publish();
    await expect.poll(() => countSessions(topic)).toBe(0);
  });

  it("are announced to again by an alarm when one did not answer", async () => {
    const [topic, userId] = ["lost", "user_lost"];
    await personGate(env, topic, userId).subscribe(
      { binding: "NOWHERE", name: "a" },
      { userId, pace: "soon" },
    );
    const { publish } = ChangeHub.prototype;
    let isAway = true;
    const spy = vi.spyOn(ChangeHub.prototype, "publish").mockImplementation(async function (
      this: ChangeHub,
      event,
    ) {
      const { ctx } = this as unknown as { ctx: DurableObjectState };
      if (isAway && ctx.id.name?.startsWith(`${topic}#`)) throw new Error("overloaded");
      await publish.call(this, event);
    });
    await changeGate(env, topic).publish({ publication: 7 });
    expect(await countSessions(topic)).toBe(1);
    isAway = false;
    await runDurableObjectAlarm(hubsOf(topic)[0] as DurableObjectStub);
    await expect.poll(() => countSessions(topic)).toBe(0);
    spy.mockRestore();
  });

  it("leave subscribers of the release before, who are with the topic's own object, announced to", async () => {
    await changeGate(env, "before").subscribe(
      { binding: "NOWHERE", name: "a" },
      { userId: "u", pace: "soon" },
    );
    await changeGate(env, "before").publish({ userId: "u" });
    await expect.poll(() => countSessions("before")).toBe(0);
  });
});

describe("POST /policy/changes", () => {
  it("accepts only a publication that the database has", async () => {
    for (const body of [
      {},
      { publication: 0 },
      { publication: "1" },
      { publication: 1.5 },
      "x".repeat(999),
    ]) {
      expect((await post("/policy/changes", body)).status).toBe(400);
    }
    expect((await post("/policy/changes", { publication: 1e9 })).status).toBe(404);
  });

  it("announces a publication once, for any number of requests", async () => {
    const { news } = await listen("stateless");
    await changeEditors({ denied_tools: [TOOL] });
    await tellPolicy();
    expect((await news.next())?.method).toBe("notifications/tools/list_changed");
    const { publication } = await readState();
    const heard: unknown[] = [];
    const { webSocket } = await hubOf(RIGHTS, "listener").fetch("https://changes/", {
      headers: { upgrade: "websocket", "gatehouse-listener": "listener", "gatehouse-pace": "soon" },
    });
    webSocket?.addEventListener("message", ({ data }) => void heard.push(data));
    webSocket?.accept();
    await changeGate(env, RIGHTS).publish({ publication });
    await changeGate(env, RIGHTS).publish({ publication: publication + 1 });
    await expect.poll(() => heard).toEqual([String(publication + 1)]);
    // Known by now, but other changes come with it.
    await changeGate(env, RIGHTS).publish({ publication: publication + 1, others: true });
    await expect.poll(() => heard).toHaveLength(2);
    webSocket?.close(1000);
    await news.close();
  });
});
