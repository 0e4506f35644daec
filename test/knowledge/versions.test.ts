import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { openSession, type TestSession } from "../support/session.ts";
import { NOON, openTestStore, saveArticles } from "./fixture.ts";

let session: TestSession;

beforeAll(async () => {
  await saveArticles();
  session = await openSession({ server: "knowledge", lane: "stateless" });
});

async function saveDraft(title: string): Promise<string> {
  const draft = { collection: "handbook", title, body: "First text.", tags: ["kept"] };
  return (await openTestStore().createArticle(draft, NOON)).slug;
}

describe("versions", () => {
  it("refuse a change based on an old version and name both", async () => {
    const id = await saveDraft("Two writers");
    const change = { id, expected_version: 1, change_note: "Mine" };
    await session.call("knowledge_update_article", { ...change, body: "Second text." });
    const late = await session.call("knowledge_update_article", { ...change, body: "Other text." });
    expect(late.error).toMatchObject({ code: "conflict" });
    expect(late.error?.message).toMatch(/version 1 .* version 2/);
    expect(late.error?.suggested_action).toContain("version 2");
    expect((await session.call("fetch", { id })).data.text).toBe("Second text.");
  });

  it("let exactly one of many simultaneous writers through", async () => {
    const id = await saveDraft("Many writers");
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, writer) =>
        openTestStore()
          .updateArticle(id, { expectedVersion: 1, body: `Text of ${writer}.`, changeNote: "Race" }, NOON)
          .then(
            () => "written",
            (failure) => failure.code,
          ),
      ),
    );
    expect(outcomes.filter((outcome) => outcome === "written")).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === "conflict")).toHaveLength(7);
    const { data } = await session.call("knowledge_get_history", { id });
    expect(data.versions).toHaveLength(2);
  });

  it("are compared line by line, title and tags included", async () => {
    const id = await saveDraft("Compared");
    const change = { id, expected_version: 1, change_note: "More" };
    await session.call("knowledge_update_article", {
      ...change,
      title: "Compared twice",
      body: "First text.\nSecond.",
    });
    const { data } = await session.call("knowledge_get_history", { id, compare_from: 1 });
    expect(data.diff.split("\n")).toEqual([
      "@@ -1,4 +1,5 @@",
      "-title: Compared",
      "+title: Compared twice",
      " tags: kept",
      " ",
      " First text.",
      "+Second.",
    ]);
    const back = await session.call("knowledge_get_history", { id, compare_from: 2, compare_to: 1 });
    expect(back.data.diff).toContain("-Second.");
    const none = await session.call("knowledge_get_history", { id, compare_from: 2 });
    expect(none.data.diff).toBe("");
    expect((await session.call("knowledge_get_history", { id, compare_from: 7 })).error?.code).toBe(
      "not_found",
    );
  });

  it("keep the fields that a change omits", async () => {
    const id = await saveDraft("Partial change");
    await session.call("knowledge_update_article", {
      id,
      expected_version: 1,
      title: "Partial change, renamed",
      change_note: "Better title",
    });
    const { data } = await session.call("fetch", { id });
    expect(data).toMatchObject({
      id,
      title: "Partial change, renamed",
      text: "First text.",
      metadata: { tags: ["kept"] },
    });
  });

  it("are not created by a change that changes nothing", async () => {
    const id = await saveDraft("Nothing new");
    const { data } = await session.call("knowledge_update_article", {
      id,
      expected_version: 1,
      body: "First text.",
      change_note: "Again",
    });
    expect(data).toMatchObject({ version: 1, changed: false });
  });

  it("can be restored as a new version", async () => {
    const id = await saveDraft("There and back");
    await session.call("knowledge_update_article", {
      id,
      expected_version: 1,
      body: "Worse text.",
      change_note: "Oops",
    });
    const restored = await session.call("knowledge_restore_version", { id, version: 1, expected_version: 2 });
    expect(restored.data).toMatchObject({ version: 3, changed: true });
    expect((await session.call("fetch", { id })).data.text).toBe("First text.");
    const { data } = await session.call("knowledge_get_history", { id });
    expect(data.versions[0].change_note).toBe("Restored version 1");
  });

  it("can be neither changed nor deleted in the database", async () => {
    await saveDraft("For good");
    const change = env.KNOWLEDGE_DB.prepare("UPDATE article_versions SET body = 'forged'").run();
    await expect(change).rejects.toThrow("article versions are never changed");
    const removal = env.KNOWLEDGE_DB.prepare("DELETE FROM article_versions").run();
    await expect(removal).rejects.toThrow("article versions are never deleted");
  });

  it("carry the name of the user of the token, whatever the call contains", async () => {
    const id = await saveDraft("Signed");
    const bob = await openSession({ server: "knowledge", lane: "sessionful", as: "bob" });
    const alice = await openSession({ server: "knowledge", lane: "sessionful", as: "alice" });
    await bob.call("knowledge_update_article", {
      id,
      expected_version: 1,
      body: "By Bob.",
      change_note: "b",
    });
    await alice.call("knowledge_update_article", {
      id,
      expected_version: 2,
      body: "By Alice.",
      change_note: "a",
    });
    const { results } = await env.KNOWLEDGE_DB.prepare(
      `SELECT v.author_id AS author FROM article_versions v JOIN articles a ON a.id = v.article_id
      WHERE a.slug = ? ORDER BY v.version`,
    )
      .bind(id)
      .all<{ author: string }>();
    expect(new Set(results.map((row) => row.author)).size).toBe(3);
    expect(results[0]?.author).toBe("user-robin");
  });
});
