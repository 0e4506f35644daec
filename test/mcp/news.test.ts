import { evictAllDurableObjects, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { digestText } from "../../shared/encoding/canonical-json.ts";
import { changeGate } from "../../shared/objects/change-gate.ts";
import { principalGate } from "../../shared/objects/principal-gate.ts";
import { withGrantStore } from "../../workers/gateway/grants/grant-storage.ts";
import { Principal } from "../../workers/objects/principal/principal.ts";
import { listServers } from "../../workers/servers.ts";
import { NOON, openTestStore, saveArticles } from "../knowledge/fixture.ts";
import { hubOf } from "../support/hubs.ts";
import { waitForNews } from "../support/news.ts";
import { LANES, openSession, type TestSession } from "../support/session.ts";

const URI = "kb://articles/refund-policy";
const HIDDEN = "kb://articles/layoffs";

beforeAll(async () => {
  await saveArticles();
  const store = openTestStore();
  await store.collections.ensure({ slug: "board", title: "Board" }, NOON);
  await store.createArticle({ collection: "board", title: "Layoffs", body: "None.", tags: [] }, NOON);
  await store.collections.share("board", { readers: ["board"], writers: ["board"] });
});

// Notifications of close changes are sent a second later; none may be pending at the end of the file.
afterAll(() => changeGate(env, "knowledge").publish());

/** Changes an article, whatever its current version. */
async function edit(writer: TestSession, id: string): Promise<void> {
  const { data } = await writer.call("fetch", { id });
  const { error } = await writer.call("knowledge_update_article", {
    id,
    expected_version: Number(data.metadata.version),
    body: `${data.text}\nAnd one line more.\n`,
    change_note: "More.",
  });
  expect(error).toBeUndefined();
}

describe.each(LANES.flatMap((listens) => LANES.map((writes) => [listens, writes] as const)))(
  "a client on the %s lane that waits for news, and a colleague who writes on the %s lane",
  (listens, writes) => {
    it("is notified of the changed article, also when every object had been evicted", async () => {
      const listener = await openSession({ server: "knowledge", lane: listens, as: "bob", role: "editor" });
      const writer = await openSession({ server: "knowledge", lane: writes });
      const { news } = await waitForNews(listener, { uris: [URI] });
      for (let round = 0; round < 2; round += 1) {
        await evictAllDurableObjects();
        await edit(writer, "refund-policy");
        expect(await news.next()).toMatchObject({
          method: "notifications/resources/updated",
          params: { uri: URI },
        });
      }
      await news.close();
    });
  },
);

describe.each(LANES)("notifications on the %s lane", (lane) => {
  it("skip resources that the client cannot read, and the subscription reports it", async () => {
    const listener = await openSession({ server: "knowledge", lane, as: "carol", role: "editor" });
    const writer = await openSession({ server: "knowledge", lane: "stateless" });
    const { news, heard } = await waitForNews(listener, { uris: [HIDDEN, "kb://articles/none", URI] });
    expect(heard).toEqual([URI]);
    await edit(writer, "layoffs");
    await edit(writer, "refund-policy");
    expect((await news.next())?.params.uri).toBe(URI);
    await news.close();
  });

  it("include a change of the list of resources", async () => {
    const listener = await openSession({ server: "knowledge", lane, as: "dave", role: "editor" });
    const writer = await openSession({ server: "knowledge", lane: "stateless" });
    const { news } = await waitForNews(listener, { uris: [URI], lists: true });
    await writer.call("knowledge_save_article", {
      collection: "handbook",
      title: `New, ${lane}`,
      body: "Text.",
    });
    expect((await news.next())?.method).toBe("notifications/resources/list_changed");
    await news.close();
  });

  it("accept no list as a resource, whatever a client subscribes to or unsubscribes from", async () => {
    const listener = await openSession({ server: "knowledge", lane, as: "gina", role: "editor" });
    const writer = await openSession({ server: "knowledge", lane: "stateless" });
    const { news, heard } = await waitForNews(listener, { uris: ["/tools", "/resources", URI], lists: true });
    expect(heard).toEqual([URI]);
    await listener.request("resources/unsubscribe", { uri: "/resources" });
    await writer.call("knowledge_save_article", {
      collection: "handbook",
      title: `Listed, ${lane}`,
      body: "Text.",
    });
    expect((await news.next())?.method).toBe("notifications/resources/list_changed");
    await news.close();
  });

  it("end with the grant, before anything more is sent", async () => {
    const listener = await openSession({ server: "knowledge", lane, as: "erin", role: "editor" });
    const writer = await openSession({ server: "knowledge", lane: "stateless" });
    const { news } = await waitForNews(listener, { uris: [URI] });
    await principalGate(env, "user_erin").revokeGrant(listener.token.accessToken.split(":")[1] ?? "");
    await edit(writer, "refund-policy");
    const last = await news.next();
    if (lane === "stateless") {
      expect(last?.result).toMatchObject({ resultType: "complete" });
      expect(await news.next()).toBeNull();
    } else expect(last).toBeNull();
  });
});

it("a stateless stream ends with its access token, while the app's grant lives on", async () => {
  const listener = await openSession({ server: "knowledge", lane: "stateless", as: "tessa", role: "editor" });
  const { news } = await waitForNews(listener, { uris: [URI] });
  const { accessToken } = listener.token;
  const [userId, grantId] = accessToken.split(":");
  await withGrantStore(env).OAUTH_KV.delete(`token:${userId}:${grantId}:${digestText(accessToken)}`);
  expect((await news.next())?.result).toMatchObject({ resultType: "complete" });
  expect(await news.next()).toBeNull();
});

it("a stateless stream that could not read after a change reads again by itself", async () => {
  const listener = await openSession({ server: "knowledge", lane: "stateless", as: "ines", role: "editor" });
  const writer = await openSession({ server: "knowledge", lane: "stateless" });
  const { news } = await waitForNews(listener, { uris: [URI] });
  const wait = globalThis.setTimeout;
  const delays: unknown[] = [];
  const timers = vi.spyOn(globalThis, "setTimeout").mockImplementation(((run: () => void, ms?: number) => {
    const isRetry = ms === 5_000 || ms === 10_000;
    if (isRetry) delays.push(ms);
    return wait(run, isRetry ? 0 : ms);
  }) as typeof setTimeout);
  const { checkAccess } = Principal.prototype;
  let failures = 0;
  const access = vi.spyOn(Principal.prototype, "checkAccess").mockImplementation(async function (
    this: Principal,
    ...args
  ) {
    if (args[0] === "user_ines" && failures++ < 2) throw new Error("overloaded");
    return await checkAccess.apply(this, args);
  });
  await edit(writer, "refund-policy");
  expect((await news.next())?.method).toBe("notifications/resources/updated");
  expect(delays).toEqual([5_000, 10_000]);
  access.mockRestore();
  timers.mockRestore();
  await news.close();
});

it("a stateless stream whose request has no query left ends and says why", async () => {
  const listener = await openSession({ server: "knowledge", lane: "stateless", as: "hugo", role: "editor" });
  const writer = await openSession({ server: "knowledge", lane: "stateless" });
  const { news } = await waitForNews(listener, { uris: [URI] });
  const spent = new Error("D1_ERROR: Too many API requests by single worker invocation.");
  const readings = listServers()
    .flatMap(({ resources }) => resources)
    .map((resource) => vi.spyOn(resource, "read").mockRejectedValue(spent));
  await edit(writer, "refund-policy");
  expect((await news.next())?.result).toMatchObject({
    resultType: "complete",
    _meta: { "gatehouse/reason": expect.stringContaining("as many queries as one request may") },
  });
  expect(await news.next()).toBeNull();
  for (const reading of readings) reading.mockRestore();
});

describe("a stateless client that hangs up", () => {
  it("causes no log line", async () => {
    const hub = hubOf("knowledge", "user_frank");
    const countLines = () =>
      runInDurableObject(hub, (_hub, state) => state.getWebSockets("user_frank").length);
    const listener = await openSession({
      server: "knowledge",
      lane: "stateless",
      as: "frank",
      role: "editor",
    });
    const { news } = await waitForNews(listener, { uris: [URI] });
    expect(await countLines()).toBe(1);
    await news.close();
    await expect.poll(countLines).toBe(0);
  });
});
