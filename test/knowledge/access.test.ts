import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { LANES, openSession, type TestSession } from "../support/session.ts";
import { NOON, openTestStore, saveArticles } from "./fixture.ts";

/** Words that occur only in the hidden collection. */
const SECRET = ["severance", "zanzibar", "layoffs", "vault"];

beforeAll(async () => {
  await saveArticles();
  const store = openTestStore();
  await store.collections.ensure({ slug: "board", title: "Vault of the board" }, NOON);
  await store.createArticle(
    {
      collection: "board",
      title: "Layoffs in Zanzibar",
      body: "# Layoffs\n\nThe severance refund policy.\n\n## Vault rota\n\nThe zanzibar incident process of the hotel.",
      tags: ["vault"],
    },
    NOON,
  );
  await store.collections.share("board", { readers: ["board"], writers: ["board"] });
});

describe.each(LANES)("a collection that a role may not read (%s)", (lane) => {
  it("is found by roles that may read it and by no other", async () => {
    const admin = await openSession({ server: "knowledge", lane, as: "admin" });
    const editor = await openSession({ server: "knowledge", lane, as: "editor", role: "editor" });
    expect((await admin.call("search", { query: "zanzibar" })).data.results[0].id).toBe(
      "layoffs-in-zanzibar",
    );
    expect((await editor.call("search", { query: "zanzibar" })).data.results).toEqual([]);
    const missing = (await editor.call("fetch", { id: "no-such-article" })).error;
    const hidden = (await editor.call("fetch", { id: "layoffs-in-zanzibar" })).error;
    expect(hidden).toEqual({
      ...missing,
      message: missing?.message.replace("no-such-article", "layoffs-in-zanzibar"),
    });
  });

  it("appears in no answer of any tool, resource, prompt or completion", async () => {
    const editor = await openSession({ server: "knowledge", lane, as: "editor", role: "editor" });
    const id = "layoffs-in-zanzibar";
    const answers: unknown[] = [
      await editor.call("knowledge_list_collections"),
      await editor.call("knowledge_list_articles"),
      await editor.call("knowledge_list_articles", { tag: "vault" }),
      await editor.call("knowledge_list_gaps"),
      await editor.listResources(),
      await editor.readResource("kb://collections"),
      await editor.getPrompt("knowledge_answer_question", { question: "refund policy rota hotel incident" }),
      await editor.getPrompt("knowledge_draft_article", { topic: "refund policy rota hotel incident" }),
      await editor.complete(
        { type: "ref/resource", uri: "kb://articles/{slug}" },
        { name: "slug", value: "" },
      ),
      await editor.complete(
        { type: "ref/prompt", name: "knowledge_answer_question" },
        { name: "collection", value: "b" },
      ),
    ];
    for (const answer of answers) expectNothingHidden(answer);
    const refused = [
      await editor.call("fetch", { id }),
      await editor.call("fetch", { id, version: 9 }),
      await editor.call("knowledge_get_history", { id }),
      await editor.call("knowledge_restore_version", { id, version: 1, expected_version: 1 }),
      await editor.call("knowledge_update_article", {
        id,
        expected_version: 1,
        title: "T",
        change_note: "n",
      }),
      await editor.call("knowledge_review_article", { id, owner: "Me" }),
      await editor.call("knowledge_give_feedback", { verdict: "useful", id }),
      await editor.call("search", { query: "refund", collection: "board" }),
      await editor.call("knowledge_list_articles", { collection: "board" }),
      await editor.call("knowledge_save_article", { collection: "board", title: "T", body: "B" }),
      await editor.call("knowledge_share_collection", { collection: "board", readers: null, writers: null }),
    ];
    expect(refused.map(({ error }) => error?.code)).toEqual(refused.map(() => "not_found"));
    const read = await editor.request("resources/read", { uri: `kb://articles/${id}` });
    expect(read.result).toBeUndefined();
  });
});

describe("for any query", () => {
  it("no search returns anything of a hidden collection", async () => {
    const store = openTestStore("editor");
    const word = fc.constantFrom(
      ...SECRET,
      "refund",
      "policy",
      "rota",
      "incident",
      "hotel",
      "vault*",
      "c3",
      "collection",
    );
    const question = fc
      .array(fc.oneof(word, fc.constantFrom('"', "OR", "NOT", "*", "collection :", ")")), { maxLength: 6 })
      .map((parts) => parts.join(" "));
    await fc.assert(
      fc.asyncProperty(question, async (text) => {
        expectNothingHidden(await store.searchArticles({ question: text, limit: 50 }));
        expectNothingHidden(await store.searchPassages({ question: text, limit: 50 }));
        expectNothingHidden(await store.suggestSlugs(text));
      }),
      { numRuns: 40 },
    );
  });
});

describe("writing", () => {
  let editor: TestSession;

  beforeAll(async () => {
    editor = await openSession({ server: "knowledge", lane: "stateless", as: "editor", role: "editor" });
  });

  it("is refused to a role that may only read, with a message about it", async () => {
    await openTestStore().collections.share("engineering", { readers: null, writers: [] });
    const saved = await editor.call("knowledge_save_article", {
      collection: "engineering",
      title: "T",
      body: "B",
    });
    expect(saved.error).toMatchObject({ code: "forbidden" });
    expect((await editor.call("fetch", { id: "hibernation-of-sessions" })).error).toBeUndefined();
    const change = { id: "hibernation-of-sessions", expected_version: 1, title: "T", change_note: "n" };
    expect((await editor.call("knowledge_update_article", change)).error?.code).toBe("forbidden");
  });

  it("does not let a user exclude the own role", async () => {
    const roles = { collection: "handbook", readers: ["sales"], writers: null };
    expect((await editor.call("knowledge_share_collection", roles)).error?.code).toBe("invalid_input");
    expect((await editor.call("fetch", { id: "refund-policy" })).error).toBeUndefined();
  });
});

function expectNothingHidden(answer: unknown): void {
  const text = JSON.stringify(answer).toLowerCase();
  for (const word of ["severance", "zanzibar", "layoffs", "vault of", '"board"'])
    expect(text).not.toContain(word);
}
