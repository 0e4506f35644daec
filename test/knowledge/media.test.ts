import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import type { ToolContext } from "../../shared/server/define.ts";
import { sniffType } from "../../workers/knowledge/media/sniff-type.ts";
import { KnowledgeStore } from "../../workers/knowledge/store.ts";
import { describeMedia } from "../../workers/knowledge/tools/describe-media.ts";
import { LANES, openSession, type TestSession } from "../support/session.ts";
import { NOON, openTestStore, saveArticles } from "./fixture.ts";

/** One red pixel. */
const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
/** Two samples of silence. */
const WAV = Buffer.from(
  "RIFF\x28\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x04\0\0\0\0\0\0\0",
  "latin1",
).toString("base64");

const editor = (lane: (typeof LANES)[number] = "stateless") =>
  openSession({ server: "knowledge", lane, as: "editor", role: "editor" });

beforeAll(async () => {
  await saveArticles();
  const store = openTestStore();
  await store.collections.ensure({ slug: "board", title: "Board" }, NOON);
  await store.collections.share("board", { readers: ["board"], writers: ["board"] });
});

describe.each(LANES)("pictures and recordings (%s)", (lane) => {
  let writer: TestSession;
  let reader: TestSession;

  beforeAll(async () => {
    writer = await editor(lane);
    reader = await openSession({ server: "knowledge", lane, as: "viewer", role: "viewer" });
  });

  it("are returned to a colleague as the stored picture and sound", async () => {
    for (const [title, data, type, mimeType] of [
      ["Floor plan", PNG, "image", "image/png"],
      ["Greeting", WAV, "audio", "audio/wav"],
    ] as const) {
      const saved = await writer.call("knowledge_save_media", {
        collection: "handbook",
        title,
        data,
        description: `About the ${title}.`,
      });
      expect(saved.data).toMatchObject({ type: mimeType, url: `kb://media/${saved.data.id}` });
      const { content } = await reader.call("knowledge_get_media", { id: saved.data.url });
      expect(content[0]).toEqual({ type, data, mimeType });
      expect(content[1]).toMatchObject({
        type: "text",
        text: expect.stringContaining(`About the ${title}.`),
      });
      const read = await reader.request("resources/read", { uri: saved.data.url });
      expect(read.result.contents).toEqual([{ uri: saved.data.url, mimeType, blob: data }]);
    }
  });

  it("are named by the article that shows them", async () => {
    const { data } = await writer.call("knowledge_save_media", {
      collection: "handbook",
      title: "Floor plan",
      data: PNG,
    });
    const saved = await writer.call("knowledge_save_article", {
      collection: "handbook",
      title: `Offices ${lane}`,
      body: `Our office:\n\n${data.markdown}\n\n![gone](kb://media/no-such-thing)\n`,
    });
    const article = await reader.call("fetch", { id: saved.data.id });
    expect(article.data.text).toContain(`![Floor plan](${data.url})`);
    expect(article.data.metadata.media).toEqual([{ id: data.id, title: "Floor plan", type: "image/png" }]);
  });
});

describe("a picture in a collection that a role may not read", () => {
  it("appears in no answer to that role, and reads like one that does not exist", async () => {
    const admin = await openSession({ server: "knowledge", lane: "stateless", as: "admin" });
    const kept = await admin.call("knowledge_save_media", {
      collection: "board",
      title: "Layoffs",
      data: PNG,
    });
    const { id, url } = kept.data;
    const session = await editor();
    for (const tool of ["knowledge_get_media", "knowledge_describe_media"]) {
      const hidden = (await session.call(tool, { id })).error;
      const missing = (await session.call(tool, { id: "no-such-thing" })).error;
      expect(hidden).toEqual({ ...missing, message: missing?.message.replace("no-such-thing", id) });
    }
    expect((await session.request("resources/read", { uri: url })).result).toBeUndefined();
    const body = `See kb://media/${id}`;
    const article = await session.call("knowledge_save_article", {
      collection: "handbook",
      title: "Guess",
      body,
    });
    expect((await session.call("fetch", { id: article.data.id })).data.metadata.media).toBeUndefined();
    const upload = { collection: "board", title: "Mine", data: PNG };
    expect((await session.call("knowledge_save_media", upload)).error?.code).toBe("not_found");
    expect((await admin.call("knowledge_get_media", { id })).content[0]).toMatchObject({ data: PNG });
  });

  it("does not reveal whether it holds the same picture", async () => {
    const session = await editor();
    const saved = await session.call("knowledge_save_media", {
      collection: "engineering",
      title: "Pixel",
      data: PNG,
    });
    expect(saved.data).toMatchObject({ is_new: true, id: "pixel" });
  });
});

describe("stored media", () => {
  it("has the same content once per collection, under its first id", async () => {
    const session = await editor();
    const first = await session.call("knowledge_save_media", {
      collection: "engineering",
      title: "Tone",
      data: WAV,
    });
    const again = await session.call("knowledge_save_media", {
      collection: "engineering",
      title: "Another name",
      data: `data:audio/wav;base64,${WAV}`,
    });
    expect(first.data.is_new).toBe(true);
    expect(again.data).toMatchObject({ id: first.data.id, is_new: false });
  });

  it("has the type of its bytes, and no type that could run", () => {
    const sniff = (text: string) => sniffType(Buffer.from(text, "latin1"));
    expect(sniff("\xff\xd8\xff\xe0")).toBe("image/jpeg");
    expect(sniff("GIF89a")).toBe("image/gif");
    expect(sniff("RIFF\0\0\0\0WEBPVP8 ")).toBe("image/webp");
    expect(sniff("ID3\x04")).toBe("audio/mpeg");
    expect(sniff("\xff\xfb\x90\x64")).toBe("audio/mpeg");
    expect(sniff("OggS")).toBe("audio/ogg");
    expect(sniff("\0\0\0\x20ftypM4A ")).toBe("audio/mp4");
    for (const other of [
      "",
      "<svg onload=alert(1)>",
      "<!doctype html>",
      "%PDF-1.7",
      "MZ",
      "\xff\xff\xff\xff",
      "RIFF\0\0\0\0AVI ",
    ])
      expect(sniff(other)).toBeUndefined();
  });

  it("is refused with the reason when it has another type or is too large", async () => {
    const session = await editor();
    const send = async (data: string) =>
      (await session.call("knowledge_save_media", { collection: "handbook", title: "File", data })).error;
    const script = await send(Buffer.from("<svg onload=alert(1)>").toString("base64"));
    expect(script).toMatchObject({ code: "invalid_input", message: expect.stringContaining("PNG, JPEG") });
    expect((await send("A".repeat(1_400_001)))?.code).toBe("invalid_input");
    const upload = {
      collection: "handbook",
      title: "Big",
      bytes: new Uint8Array(10 * 1024 * 1024 + 1),
      description: "",
    };
    const store = new KnowledgeStore(env.KNOWLEDGE_DB, { id: "u", name: "U" }, "admin", undefined, {
      MEDIA: env.MEDIA,
    });
    await expect(store.media.keep(upload, NOON)).rejects.toThrow("at most 10485760");
  });

  it("is described and not returned when it is too large for an answer", async () => {
    const bytes = new Uint8Array(1024 * 1024 + 1);
    bytes.set(Buffer.from("ID3"));
    const store = new KnowledgeStore(env.KNOWLEDGE_DB, { id: "u", name: "U" }, "admin", undefined, {
      MEDIA: env.MEDIA,
    });
    const upload = { collection: "handbook", title: "All hands", bytes, description: "We grow." };
    const { item } = await store.media.keep(upload, NOON);
    const session = await editor();
    const { content } = await session.call("knowledge_get_media", { id: item.slug });
    expect(content).toEqual([{ type: "text", text: expect.stringMatching(/We grow\..*Too large/) }]);
    expect(
      (await session.request("resources/read", { uri: `kb://media/${item.slug}` })).result,
    ).toBeUndefined();
  });
});

describe("captions and transcripts", () => {
  const open = (run: (model: string, input: Record<string, unknown>) => Promise<unknown>) =>
    new KnowledgeStore(env.KNOWLEDGE_DB, { id: "u", name: "Robin" }, "editor", undefined, {
      MEDIA: env.MEDIA,
      AI: { run } as unknown as Ai,
    });

  async function keep(title: string, data: string): Promise<string> {
    const bytes = new Uint8Array(Buffer.from(data, "base64"));
    const upload = { collection: "engineering", title, bytes, description: "" };
    return (await open(async () => ({})).media.keep(upload, NOON)).item.slug;
  }

  it("report that Workers AI is missing without it, and are written by hand then", async () => {
    const id = await keep("Pixel", PNG);
    const session = await editor();
    const refused = (await session.call("knowledge_describe_media", { id })).error;
    expect(refused).toMatchObject({ code: "unavailable", message: expect.stringContaining("Workers AI") });
    expect(refused?.suggested_action).toContain("text");
    const written = await session.call("knowledge_describe_media", { id, text: "A red dot." });
    expect(written.data).toMatchObject({ description: "A red dot." });
    const { content } = await session.call("knowledge_get_media", { id });
    expect(content[1]).toMatchObject({ text: expect.stringContaining("A red dot.") });
  });

  it("are a task where a model runs, and an answer where none does", async () => {
    const id = await keep("Long talk", WAV);
    const store = open(async () => ({ text: "Hello." }));
    const { work } = describeMedia;
    const context = { store } as unknown as ToolContext<KnowledgeStore>;
    expect(await work?.begin({ id }, context)).toEqual({ state: null });
    expect(await work?.step(null, { id }, context)).toMatchObject({ answer: { description: "Hello." } });
    expect(await work?.begin({ id, text: "By hand." }, context)).toMatchObject({
      answer: { description: "By hand." },
    });
  });

  it("are written by the model for the kind of content where Workers AI is bound", async () => {
    const asked: string[] = [];
    const store = open(async (model, input) => {
      asked.push(model);
      return "audio" in input ? { text: " Good morning. " } : { description: "A dot." };
    });
    expect(await store.media.describe(await keep("Tone", WAV))).toMatchObject({
      description: "Good morning.",
    });
    expect(await store.media.describe(await keep("Pixel", PNG))).toMatchObject({ description: "A dot." });
    expect(asked).toEqual([expect.stringContaining("whisper"), expect.stringContaining("llava")]);
    expect(await store.media.read(await keep("Tone", WAV))).toMatchObject({
      description: "Good morning.",
      describedBy: asked[0],
    });
  });

  it.each([
    ["fails", () => Promise.reject(new Error("down"))],
    ["says nothing", async () => ({ text: " " })],
  ])("stay unchanged when the model %s", async (_what, run) => {
    const id = await keep("Tone", WAV);
    const store = open(run);
    const before = await store.media.read(id);
    await expect(store.media.describe(id)).rejects.toMatchObject({ code: "unavailable" });
    expect(await store.media.read(id)).toEqual(before);
  });
});

describe("without a bucket", () => {
  it("storing and showing report what is missing", async () => {
    const upload = {
      collection: "handbook",
      title: "Pixel",
      bytes: new Uint8Array(Buffer.from(PNG, "base64")),
      description: "new",
    };
    await openTestStore().collections.ensure({ slug: "empty", title: "Empty", readers: null }, NOON);
    const failure = openTestStore().media.keep({ ...upload, collection: "empty" }, NOON);
    await expect(failure).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("MEDIA"),
    });
  });
});
