import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { readFrontMatter } from "../../scripts/knowledge/front-matter.ts";
import { readDocument } from "../../scripts/knowledge/read-document.ts";
import { type ImportOutcome, ingestDocument } from "../../workers/knowledge/ingest.ts";
import { ensureCollection } from "../../workers/knowledge/store/collections.ts";
import { listTexts, readImportedState } from "../../workers/knowledge/store/read-imported.ts";
import { NOON, openTestStore } from "./fixture.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const AUTHOR = { id: "kb-import", name: "Import" };

describe("front matter", () => {
  it("has title and tags in every usual spelling", () => {
    const text =
      "---\ntitle: \"Say \\\"hello\\\"\"\ntags: [One, 'two, three']\nowner: 'it''s us' # note\nlist:\n  - a\n  - b\n---\n\nBody";
    expect(readFrontMatter(text)).toEqual({
      fields: { title: 'Say "hello"', tags: ["One", "two, three"], owner: "it's us", list: ["a", "b"] },
      body: "Body",
    });
  });

  it("is only the text between two lines at the very top", () => {
    for (const text of ["Body\n---\ntitle: x\n---\n", "---\ntitle: x\nnever closed", "--- x\n---\n"]) {
      expect(readFrontMatter(text)).toEqual({ fields: {}, body: text });
    }
  });

  it("never fails and never adds text, for any file", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" }), (fields, rest) => {
        const text = `---\n${fields}\n---\n${rest}`;
        expect(text.endsWith(readFrontMatter(text).body)).toBe(true);
      }),
    );
  });
});

describe("reading a file", () => {
  it("takes the title from front matter, else the top heading, else the path", async () => {
    const titleOf = async (path: string, text: string) => {
      const read = await readDocument(path, bytes(text));
      return "document" in read ? read.document.title : read.skipped;
    };
    expect(await titleOf("a.md", "---\ntitle: Named\n---\n# Headed")).toBe("Named");
    expect(await titleOf("a.md", "Intro\n\n# Headed `here`\n")).toBe("Headed here");
    expect(await titleOf("guides/first-steps.md", "Text")).toBe("First steps");
    expect(await titleOf("guides/README.md", "Text")).toBe("Guides");
  });

  it("gives the reason for skipping a file", async () => {
    expect(await readDocument("a.md", new Uint8Array([0xff, 0xfe, 0x00]))).toEqual({
      skipped: "not text in UTF-8, UTF-16 or windows-1252",
    });
    expect(await readDocument("a.md", bytes(" \n"))).toEqual({ skipped: "the text is empty" });
    expect(await readDocument("a.md", bytes("a".repeat(300_000)))).toMatchObject({
      skipped: expect.stringContaining("300000 bytes"),
    });
    expect(await readDocument("a.md", bytes("a\u0007b"))).not.toHaveProperty("skipped");
  });
});

describe("importing", () => {
  let collectionId: number;

  beforeAll(async () => {
    const collection = { slug: "imported", title: "Imported" };
    collectionId = (await ensureCollection(env.KNOWLEDGE_DB, collection, AUTHOR, NOON)) ?? 0;
  });

  async function importText(path: string, text: string, overwrite = false): Promise<ImportOutcome> {
    const state = await readImportedState(env.KNOWLEDGE_DB, collectionId);
    const read = await readDocument(path, bytes(text));
    if ("skipped" in read) throw new Error(read.skipped);
    const target = { collectionId, state, texts: listTexts(state), author: AUTHOR, now: NOON, overwrite };
    return ingestDocument(env.KNOWLEDGE_DB, read.document, target);
  }

  it("creates once, then changes nothing until the file changes", async () => {
    expect(await importText("one.md", "# One file\n\nA.")).toBe("created");
    expect(await importText("one.md", "# One file\r\n\r\nA.")).toBe("unchanged");
    expect(await importText("one.md", "# One file\n\nB.")).toBe("updated");
    const article = await openTestStore().readArticle("one-file");
    expect(article).toMatchObject({ version: 2, body: "# One file\n\nB.", metadata: { path: "one.md" } });
    expect(article.updatedBy).toBe("Import");
  });

  it("gives files with one title slugs of their own", async () => {
    await importText("x/index.md", "# Overview\n\nX.");
    await importText("y/index.md", "# Overview\n\nY.");
    expect((await openTestStore().readArticle("overview")).body).toContain("X.");
    expect((await openTestStore().readArticle("overview-2")).body).toContain("Y.");
  });

  it("recognises a text of another file, until the texts differ", async () => {
    expect(await importText("lunch.md", "Lunch is at noon.")).toBe("created");
    expect(await importText("copy/lunch.md", "Lunch is at noon.")).toBe("duplicate");
    expect(await importText("lunch.md", "Lunch is at one.")).toBe("updated");
    expect(await importText("copy/lunch.md", "Lunch is at noon.")).toBe("created");
  });

  it("skips articles that users changed since, unless told to overwrite, and keeps their version", async () => {
    await importText("two.md", "# Second file\n\nA.");
    const change = { expectedVersion: 1, body: "Better.", changeNote: "By hand" };
    await openTestStore().updateArticle("second-file", change, NOON);
    expect(await importText("two.md", "# Second file\n\nB.")).toBe("edited");
    expect((await openTestStore().readArticle("second-file")).body).toBe("Better.");
    expect(await importText("two.md", "# Second file\n\nB.", true)).toBe("updated");
    expect(await openTestStore().readArticle("second-file")).toMatchObject({
      version: 3,
      body: "# Second file\n\nB.",
    });
    expect((await openTestStore().readArticle("second-file", 2)).body).toBe("Better.");
  });
});
