import { beforeAll, describe, expect, it } from "vitest";
import { LANES, openSession } from "../support/session.ts";
import { saveArticles } from "./fixture.ts";

beforeAll(saveArticles);

describe.each(LANES)("a user works with the knowledge base (%s)", (lane) => {
  it("finds an article, fetches it, and gets the format of ChatGPT's connectors", async () => {
    const session = await openSession({ server: "knowledge", lane });
    const found = await session.call("search", { query: "When do customers get their money back?" });
    expect(found.data.results[0]).toMatchObject({
      id: "refund-policy",
      title: "Refund policy",
      url: "kb://articles/refund-policy#refund-policy",
    });
    expect(found.content).toHaveLength(1);
    expect(found.content[0]).toMatchObject({ type: "text", text: JSON.stringify(found.data) });

    const fetched = await session.call("fetch", { id: found.data.results[0].id });
    expect(fetched.data).toMatchObject({
      id: "refund-policy",
      title: "Refund policy",
      url: "kb://articles/refund-policy",
      metadata: { collection: "handbook", version: 1, tags: ["returns"], updated_by: "Robin" },
    });
    expect(fetched.data.text).toContain("Never refund a payment in dispute");
  });

  it("cites passages by heading, and the citation reads that section with its subsections", async () => {
    const session = await openSession({ server: "knowledge", lane });
    const { data } = await session.call("knowledge_search_passages", { query: "dispute at the bank" });
    const [best] = data.passages;
    expect(data.retrieval).toBe("full_text");
    expect(best).toMatchObject({
      citation: "kb://articles/refund-policy#chargebacks",
      heading: "Chargebacks",
    });
    expect(best.snippet).toContain("**dispute**");

    const section =
      "## Chargebacks\n\nNever refund a payment in dispute at the bank.\n\n### Evidence\n\nSend the invoice to finance.\n\n";
    expect((await session.call("fetch", { id: best.citation })).data.text).toBe(section);
    const [contents] = await session.readResource(best.citation);
    expect(contents).toEqual({ uri: best.citation, mimeType: "text/markdown", text: section });
  });

  it("writes an article, changes it, and shows the author of each version in its history", async () => {
    const session = await openSession({ server: "knowledge", lane });
    const title = `Parking for visitors, ${lane}`;
    const saved = await session.call("knowledge_save_article", {
      collection: "handbook",
      title,
      body: "# Parking\r\n\r\nUse the yard.",
      tags: ["Cars", "cars"],
    });
    expect(saved.data).toMatchObject({
      id: `parking-for-visitors-${lane}`,
      version: 1,
      collection: "handbook",
    });

    const { id } = saved.data;
    const updated = await session.call("knowledge_update_article", {
      id,
      expected_version: 1,
      body: "# Parking\n\nUse the garage.",
      change_note: "The yard is closed.",
    });
    expect(updated.data).toMatchObject({ id, version: 2, changed: true });

    const { data } = await session.call("knowledge_get_history", { id });
    expect(data.current_version).toBe(2);
    expect(data.versions).toMatchObject([
      { version: 2, change_note: "The yard is closed.", characters: 26 },
      { version: 1, change_note: "", characters: 24 },
    ]);
    expect(data.versions[0].author).not.toBe("");
    expect((await session.call("fetch", { id, version: 1 })).data).toMatchObject({
      text: "# Parking\n\nUse the yard.",
      metadata: { version: 1, current_version: 2, tags: ["cars"] },
    });
  });

  it("finds the new text right after a change and the old text no longer", async () => {
    const session = await openSession({ server: "knowledge", lane });
    const title = `Coffee (${lane})`;
    const room = lane === "sessionful" ? "zeppelin" : "gondola";
    const { data } = await session.call("knowledge_save_article", {
      collection: "engineering",
      title,
      body: "The machine in the xylophone room.",
    });
    await session.call("knowledge_update_article", {
      id: data.id,
      expected_version: 1,
      body: `The machine in the ${room} room.`,
      change_note: "Moved",
    });
    const now = await session.call("search", { query: room });
    expect(now.data.results.map((hit: { id: string }) => hit.id)).toEqual([data.id]);
    expect((await session.call("search", { query: "xylophone" })).data.results).toEqual([]);
  });

  it("uses the session's collection when the caller names none", async () => {
    const session = await openSession({ server: "knowledge", lane, as: `keeper-${lane}` });
    await session.call("context_set", { defaults: { collection: "engineering" } });
    const { data } = await session.call("search", { query: "invoice hibernation" });
    expect(data.results.map((hit: { id: string }) => hit.id)).toEqual(["hibernation-of-sessions"]);
  });

  it("lists collections with their sizes and articles page by page", async () => {
    const session = await openSession({ server: "knowledge", lane });
    const { data } = await session.call("knowledge_list_collections");
    expect(data.collections.map((entry: { slug: string }) => entry.slug)).toEqual([
      "engineering",
      "handbook",
    ]);

    const first = await session.call("knowledge_list_articles", { collection: "handbook", limit: 2 });
    const second = await session.call("knowledge_list_articles", {
      collection: "handbook",
      limit: 2,
      offset: first.data.next_offset,
    });
    const ids = [...first.data.articles, ...second.data.articles].map((article) => article.id);
    expect(new Set(ids).size).toBe(4);
    const tagged = await session.call("knowledge_list_articles", { tag: "Reimbursement" });
    expect(tagged.data.articles.map((article: { id: string }) => article.id)).toEqual([
      "travel-and-expenses",
    ]);
  });

  it("offers articles as resources, with completion of slugs and sections", async () => {
    const session = await openSession({ server: "knowledge", lane });
    const uris = (await session.listResources()).map((resource: { uri: string }) => resource.uri);
    expect(uris).toContain("kb://collections");
    expect(uris).toContain("kb://articles/incident-process");

    const [article] = await session.readResource("kb://articles/incident-process");
    expect(article).toMatchObject({ mimeType: "text/markdown" });
    expect(article.text).toContain("## Severity");
    const [collections] = await session.readResource("kb://collections");
    expect(JSON.parse(collections.text).collections).toHaveLength(2);

    const slugs = await session.complete(
      { type: "ref/resource", uri: "kb://articles/{slug}" },
      { name: "slug", value: "polic" },
    );
    expect(slugs.values).toEqual(["refund-policy"]);
  });

  it("gives prompts that contain the passages and their citations", async () => {
    const session = await openSession({ server: "knowledge", lane });
    const answer = await session.getPrompt("knowledge_answer_question", {
      question: "Who changes the rota?",
    });
    expect(answer.messages[0].content.text).toContain("kb://articles/incident-process#on-call-rota");
    const draft = await session.getPrompt("knowledge_draft_article", { topic: "Refunds for partners" });
    expect(draft.messages[0].content.text).toContain("kb://articles/refund-policy");
  });

  it("shows a viewer no writing tool, and refuses the call", async () => {
    const session = await openSession({
      server: "knowledge",
      lane,
      as: "viewer",
      role: "viewer",
      scopes: ["knowledge:read"],
    });
    const names = (await session.listTools()).map((tool: { name: string }) => tool.name);
    expect(names).toContain("search");
    expect(names).not.toContain("knowledge_save_article");
    const { result } = await session.request("tools/call", {
      name: "knowledge_save_article",
      arguments: { collection: "handbook", title: "Mine", body: "Text." },
    });
    expect(result?.isError ?? true).toBe(true);
    expect((await session.call("search", { query: "mine" })).data.results).toEqual([]);
  });
});
