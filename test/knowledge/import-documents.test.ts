import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { LANES, openSession, type SessionOptions } from "../support/session.ts";
import { reachTask, readTask, runnerOf, stopRunner, TASKS } from "../support/tasks.ts";
import { NOON, openTestStore } from "./fixture.ts";

beforeAll(async () => {
  const store = openTestStore();
  for (const slug of ["handbook", "board", "stopped"])
    await store.collections.ensure({ slug, title: slug, readers: null }, NOON);
  await store.collections.share("board", { readers: ["board"], writers: ["board"] });
});

const open = (options: Partial<SessionOptions> = {}) =>
  openSession({ server: "knowledge", lane: "stateless", role: "editor", ...options });

function makeDocuments(count: number, folder = "guides") {
  return Array.from({ length: count }, (_, index) => ({
    path: `${folder}/guide-${index}.md`,
    body: `# Guide ${index} of ${folder}\n\nStep ${index} comes after the one before.\n`,
  }));
}

const countArticles = (collection: string) =>
  env.KNOWLEDGE_DB.prepare(
    "SELECT count(*) AS n FROM articles WHERE collection_id = (SELECT id FROM collections WHERE slug = ?1)",
  )
    .bind(collection)
    .first<number>("n");

describe.each(LANES)("importing documents on the %s lane", (lane) => {
  it("creates articles for new paths, versions for changed texts and nothing for equal ones", async () => {
    const session = await open({ lane });
    const collection = `import-${lane}`;
    const documents = makeDocuments(60, lane);
    const first = { collection, new_collection_title: `Import ${lane}`, documents };
    const { data } = await session.call("knowledge_import_documents", first);
    expect(data).toEqual({ collection, created: 60, updated: 0, unchanged: 0, left_alone: [] });
    const changed = documents.map((document, index) =>
      index === 7 ? { ...document, body: `${document.body}\nNew.\n` } : document,
    );
    const second = await session.call("knowledge_import_documents", { collection, documents: changed });
    expect(second.data).toEqual({ collection, created: 0, updated: 1, unchanged: 59, left_alone: [] });
    const { data: article } = await session.call("fetch", { id: `guide-7-of-${lane}` });
    expect(article).toMatchObject({
      title: `Guide 7 of ${lane}`,
      text: changed[7]?.body,
      metadata: { version: 2, path: `${lane}/guide-7.md` },
    });
  });

  it("names each document that cannot be an article, and imports the others", async () => {
    const session = await open({ lane });
    const { data } = await session.call("knowledge_import_documents", {
      collection: "handbook",
      documents: [
        { path: `${lane}/empty.md`, body: " \n" },
        { path: `${lane}/page.md`, body: "<!doctype html><p>Hello" },
        { path: `${lane}/good.md`, body: `Good on the ${lane} lane.`, tags: ["Fine"] },
        { path: `./${lane}/good.md`, body: "Twice." },
        { path: `${lane}/copy.md`, body: `Good on the ${lane} lane.` },
        { path: " ", body: "Nowhere." },
      ],
    });
    expect(data).toMatchObject({ created: 1, updated: 0, unchanged: 0 });
    expect(
      Object.fromEntries(data.left_alone.map((row: Record<string, string>) => [row.path, row.reason])),
    ).toEqual({
      [`${lane}/empty.md`]: "The text is empty.",
      [`${lane}/page.md`]: expect.stringContaining("send its text as Markdown"),
      [`./${lane}/good.md`]: expect.stringContaining("more than once"),
      [`${lane}/copy.md`]: "Another document of the collection has the same text.",
      " ": expect.stringContaining("one line of plain text"),
    });
  });

  it("skips articles that users changed since, unless it may overwrite them", async () => {
    const session = await open({ lane, as: "anna" });
    const colleague = await open({ lane, as: "bert" });
    const [document] = makeDocuments(1, `${lane}-edited`);
    const args = { collection: "handbook", documents: [document] };
    await session.call("knowledge_import_documents", args);
    const id = `guide-0-of-${lane}-edited`;
    const update = { id, expected_version: 1, body: "Bert knows better.", change_note: "Mended." };
    expect((await colleague.call("knowledge_update_article", update)).error).toBeUndefined();
    const newer = { ...args, documents: [{ ...document, body: "Anna's file has changed." }] };
    const { data } = await session.call("knowledge_import_documents", newer);
    expect(data).toMatchObject({
      updated: 0,
      left_alone: [{ reason: expect.stringContaining("overwrite") }],
    });
    expect((await session.call("fetch", { id })).data.text).toBe("Bert knows better.");
    const again = await session.call("knowledge_import_documents", { ...newer, overwrite: true });
    expect(again.data).toMatchObject({ updated: 1, left_alone: [] });
    const { data: history } = await colleague.call("knowledge_get_history", { id });
    expect(history.versions).toHaveLength(3);
  });

  it("does not know a collection that the user cannot read, and refuses a user who only reads", async () => {
    const documents = makeDocuments(1, "secret");
    const hidden = { collection: "board", documents };
    expect((await (await open({ lane })).call("knowledge_import_documents", hidden)).error?.code).toBe(
      "not_found",
    );
    const viewer = await open({ lane, role: "viewer" });
    const refused = await viewer.call("knowledge_import_documents", { collection: "handbook", documents });
    expect(refused.isError).toBe(true);
    expect(await countArticles("board")).toBe(0);
  });
});

describe("an import as a task", () => {
  it("continues after its object was stopped in the middle, and imports each document once", async () => {
    const session = await open({ as: "stopped", capabilities: TASKS });
    const documents = makeDocuments(120, "task");
    const params = { name: "knowledge_import_documents", arguments: { collection: "stopped", documents } };
    const { taskId } = (await session.request("tools/call", params)).result;
    await stopRunner("user_stopped");
    await runDurableObjectAlarm(runnerOf("user_stopped"));
    const { result } = await reachTask(session, taskId, ["completed"]);
    const { created, unchanged, left_alone } = result.structuredContent;
    expect([created + unchanged, left_alone]).toEqual([120, []]);
    expect(await countArticles("stopped")).toBe(120);
    await evictDurableObject(runnerOf("user_stopped"));
    expect((await readTask(session, taskId)).status).toBe("completed");
  });
});
