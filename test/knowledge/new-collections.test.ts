import { beforeAll, describe, expect, it } from "vitest";
import { LANES, openSession } from "../support/session.ts";
import { NOON, openTestStore, saveArticles } from "./fixture.ts";

beforeAll(saveArticles);

describe.each(LANES)("a new collection on the %s lane", (lane) => {
  const names = async (role: string) => {
    const session = await openSession({ server: "knowledge", lane, as: `${role}${lane}`, role });
    const { data } = await session.call("knowledge_list_collections");
    return data.collections.map(({ slug }: { slug: string }) => slug);
  };

  it("is private to its creator's role until it is shared, and may name its readers", async () => {
    const editor = await openSession({ server: "knowledge", lane, as: "erin", role: "editor" });
    const [own, named, open] = ["own", "named", "open"].map((name) => `${name}-${lane}`) as [
      string,
      string,
      string,
    ];
    const save = (collection: string, more: object = {}) =>
      editor.call("knowledge_save_article", {
        ...{
          collection,
          title: `Quokka ${collection}`,
          body: "Quokka facts.",
          new_collection_title: collection,
        },
        ...more,
      });
    expect((await save(own)).error).toBeUndefined();
    expect((await save(named, { new_collection_readers: ["viewer"] })).error).toBeUndefined();
    const documents = [{ path: "a.md", body: "# Quokka imported\n\nFacts." }];
    const imported = await editor.call("knowledge_import_documents", {
      ...{ collection: open, new_collection_title: open, new_collection_readers: ["*"], documents },
    });
    expect(imported.data).toMatchObject({ created: 1 });
    expect(await names("editor")).toEqual(expect.arrayContaining([own, named, open]));
    expect(await names("sales")).toContain(open);
    for (const hidden of [own, named]) expect(await names("sales")).not.toContain(hidden);
    expect(await names("viewer")).toEqual(expect.arrayContaining([named, open]));
    expect(await names("viewer")).not.toContain(own);
    const viewer = await openSession({ server: "knowledge", lane, as: "vera", role: "viewer" });
    const found = await viewer.call("search", { query: "quokka" });
    const where = found.data.results.map(({ collection }: { collection: string }) => collection);
    expect(where).toContain(named);
    expect(where).not.toContain(own);
    await editor.call("knowledge_share_collection", { collection: own, readers: null, writers: null });
    expect(await names("viewer")).toContain(own);
  });

  it("does not replace an existing one: its readers stay", async () => {
    const editor = await openSession({ server: "knowledge", lane, as: "erin", role: "editor" });
    const args = {
      collection: "handbook",
      title: `Note ${lane}`,
      body: "Text.",
      new_collection_title: "Mine",
    };
    expect((await editor.call("knowledge_save_article", args)).error).toBeUndefined();
    expect(await names("viewer")).toContain("handbook");
  });
});

describe("an article past its review date", () => {
  it("carries its warning in search and passages too, and no other does", async () => {
    const store = openTestStore();
    await store.reviewArticle("refund-policy", { owner: "Finance", reviewOn: "2026-01-31" }, NOON);
    await store.reviewArticle("travel-and-expenses", { reviewOn: "2999-01-31" }, NOON);
    const session = await openSession({ server: "knowledge", lane: "stateless" });
    const { data: articles } = await session.call("search", { query: "refund invoice hotel" });
    const { data: found } = await session.call("knowledge_search_passages", {
      query: "refund invoice hotel",
    });
    const hits = [
      ...articles.results.map((hit: { id: string; warning?: string }) => [hit.id, hit.warning]),
      ...found.passages.map((hit: { article: string; warning?: string }) => [hit.article, hit.warning]),
    ];
    expect(new Set(hits.map(([id]) => id))).toEqual(new Set(["refund-policy", "travel-and-expenses"]));
    for (const [id, warning] of hits) {
      if (id === "refund-policy") expect(warning).toMatch(/reviewed by 2026-01-31.*Ask Finance/);
      else expect(warning).toBeUndefined();
    }
  });

  it("is found with its link and address unchanged in the text", async () => {
    const store = openTestStore();
    const body = "Ask at https://desk.example/wombat/form?x=wombat or wombat@desk.example about the wombat.";
    await store.createArticle({ collection: "handbook", title: "Zoo desk", body, tags: [] }, new Date());
    const session = await openSession({ server: "knowledge", lane: "stateless" });
    for (const [tool, list] of [
      ["search", "results"],
      ["knowledge_search_passages", "passages"],
    ] as const) {
      const { data } = await session.call(tool, { query: "wombat" });
      expect(data[list][0].snippet).toBe(body.replace("the wombat", "the **wombat**"));
    }
  });
});
