import { beforeAll, describe, expect, it } from "vitest";
import { openSession, type TestSession } from "../support/session.ts";
import { saveArticles } from "./fixture.ts";

let session: TestSession;

beforeAll(async () => {
  await saveArticles();
  session = await openSession({ server: "knowledge", lane: "stateless" });
});

const ARTICLE = { collection: "handbook", title: "A title", body: "A text." };

describe("bad input", () => {
  it.each([
    ["an empty text", { ...ARTICLE, body: " \n " }, "The text is empty"],
    ["a text over 256 KiB", { ...ARTICLE, body: "ä".repeat(140_000) }, "280000 bytes"],
    ["control characters", { ...ARTICLE, body: "A\u0000B" }, "control characters"],
    ["a title of two lines", { ...ARTICLE, title: "A\nB" }, "one line"],
    ["an empty title", { ...ARTICLE, title: "  " }, "Give the article a title"],
    ["too many tags", { ...ARTICLE, tags: Array.from({ length: 11 }, (_, n) => `t${n}`) }, "tags"],
    ["a collection that is no slug", { ...ARTICLE, collection: "Hand Book" }, "slug"],
    ["no collection at all", { title: "A", body: "B" }, "Name the collection"],
  ])("refuses %s with a message about it", async (_what, args, message) => {
    const { error } = await session.call("knowledge_save_article", args);
    expect(error?.code).toBe("invalid_input");
    expect(error?.message).toContain(message);
  });

  it("names the existing collections when one is unknown", async () => {
    const { error } = await session.call("knowledge_save_article", { ...ARTICLE, collection: "hand-book" });
    expect(error).toMatchObject({ code: "not_found" });
    expect(error?.suggested_action).toContain("engineering, handbook");
    expect((await session.call("search", { query: "refund", collection: "nowhere" })).error?.code).toBe(
      "not_found",
    );
  });

  it.each(["<!DOCTYPE html><html><body>Hi</body></html>", "%PDF-1.7 …", "JVBERi0xLjcKJeLjz9M"])(
    "says of a page or PDF (%s) that articles are Markdown, and how files are imported",
    async (body) => {
      const { error } = await session.call("knowledge_save_article", { ...ARTICLE, body });
      expect(error).toMatchObject({
        code: "invalid_input",
        message: expect.stringContaining("npm run kb:import"),
      });
    },
  );

  it("creates a collection only when its title is given", async () => {
    const saved = await session.call("knowledge_save_article", {
      ...ARTICLE,
      collection: "legal",
      new_collection_title: "Legal",
    });
    expect(saved.data.collection).toBe("legal");
  });

  it("refuses a second article with the same title, in any letter case", async () => {
    const { error } = await session.call("knowledge_save_article", { ...ARTICLE, title: "REFUND POLICY" });
    expect(error).toMatchObject({ code: "conflict" });
    expect(error?.suggested_action).toContain("knowledge_update_article");
  });

  it.each(["no-such-article", "kb://articles/", "../../etc", "' OR 1=1 --", "%00", "🙂"])(
    "says that there is no article %j",
    async (id) => {
      const { error } = await session.call("fetch", { id });
      expect(error).toMatchObject({ code: "not_found" });
    },
  );

  it("names the wrong part of a reference: version or section", async () => {
    const version = await session.call("fetch", { id: "refund-policy", version: 9 });
    expect(version.error?.message).toContain("no version 9");
    const section = await session.call("fetch", { id: "refund-policy#nowhere" });
    expect(section.error?.message).toContain('no section "nowhere"');
  });

  it("refuses an update without a change", async () => {
    const { error } = await session.call("knowledge_update_article", {
      id: "refund-policy",
      expected_version: 1,
      change_note: "Nothing",
    });
    expect(error?.message).toContain("Nothing to change");
  });

  it("answers queries of FTS5 syntax as words", async () => {
    for (const query of [
      '"',
      "NEAR(",
      "title:refund",
      "refund AND",
      "^refund -money",
      "* OR *",
      "a\u0000b",
      "(((",
    ]) {
      expect((await session.call("search", { query })).error).toBeUndefined();
    }
    const { data } = await session.call("search", { query: 'NOT ("refund" NEAR' });
    expect(data.results[0].id).toBe("refund-policy");
  });

  it("reads a long article in parts that join to the whole", async () => {
    const body = Array.from({ length: 4_000 }, (_, line) => `Line ${line} of a long article.\n`).join("");
    const { data } = await session.call("knowledge_save_article", { ...ARTICLE, title: "Long", body });
    let text = "";
    for (let offset: number | undefined = 0; offset !== undefined; ) {
      const part = await session.call("fetch", { id: data.id, offset });
      text += part.data.text;
      offset = part.data.next_offset;
    }
    expect(text).toBe(body);
  });
});
