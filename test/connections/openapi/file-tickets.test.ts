import { env } from "cloudflare:workers";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { keyOfFile } from "../../../workers/connections/files/tickets.ts";
import { LANES } from "../../support/session.ts";
import { ask, bearer, fill, got, open, openStore, PICTURE, type Session } from "./store-double.ts";

beforeAll(openStore);

afterAll(() => vi.restoreAllMocks());

beforeEach(() => {
  got.length = 0;
});

/** Lets the time of every ticket of a person be over. */
const endTickets = (person: string) =>
  env.PLATFORM_DB.prepare("UPDATE file_ticket SET expires_at = ?1 WHERE user_id = ?2")
    .bind(Date.now() - 1, person)
    .run();

const keysOf = async (person: string) => {
  const { results } = await env.PLATFORM_DB.prepare("SELECT id FROM file_ticket WHERE user_id = ?")
    .bind(person)
    .all<{ id: string }>();
  return results.map(({ id }) => keyOfFile(id));
};

const upload = (session: Session, body: string) => session.call("store_upload", { id: "1", body });
const prepare = async (session: Session, more: object = {}) =>
  (await session.call("store_prepare_upload", { name: "offer.pdf", ...more })).data as {
    ticket: string;
    uri: string;
  };

describe.each(LANES)("The ticket of a file, on the %s lane", (lane) => {
  it("counts no more once its time is over, wherever the file is", async () => {
    const session = await open(lane, `late_${lane}`);
    const person = `user_late_${lane}`;
    const empty = await prepare(session);
    const filled = await fill(session, "contents");
    const { data } = await session.call("store_download", { id: "1" });
    await endTickets(person);
    expect((await ask(empty.uri, { method: "PUT", body: "late" })).status).toBe(404);
    expect((await upload(session, filled.ticket)).error?.code).toBe("not_found");
    expect((await ask(data.file.uri, bearer(session))).status).toBe(404);
    expect(got).toEqual([]);
  });

  it("counts no more when the file breaks off, and nothing of it is kept", async () => {
    const session = await open(lane, `torn_${lane}`);
    const { ticket, uri } = await prepare(session);
    const headers = { "content-length": "10000000" };
    // More than one part of a multipart upload, and less than was announced.
    const part = new Uint8Array(6_000_000).fill(120);
    expect((await ask(uri, { method: "PUT", headers, body: part })).status).toBe(400);
    for (const key of await keysOf(`user_torn_${lane}`)) expect(await env.MEDIA.head(key)).toBeNull();
    expect((await upload(session, ticket)).error?.code).toBe("not_found");
    expect((await ask(uri, { method: "PUT", body: "again" })).status).toBe(404);
    expect(got).toEqual([]);
  });

  it("is used up by a download that its person breaks off", async () => {
    const session = await open(lane, "ann");
    const { data } = await session.call("store_download", { id: "1" });
    const begun = await ask(data.file.uri, bearer(session));
    expect(begun.headers.get("content-length")).toBe(String(PICTURE.byteLength));
    await begun.body?.cancel();
    expect((await ask(data.file.uri, bearer(session))).status).toBe(404);
  });

  it("works in one direction alone", async () => {
    const session = await open(lane, "ann");
    const { uri } = await fill(session, "contents");
    expect((await ask(uri, bearer(session))).status, "a download of what was sent").toBe(404);
    const { data } = await session.call("store_download", { id: "1" });
    expect((await ask(data.file.uri, { method: "PUT", body: "x" })).status, "a change of what came").toBe(
      404,
    );
    const [, ticket = ""] = /files\/(.*)$/.exec(data.file.uri) ?? [];
    expect((await upload(session, ticket)).error?.code, "what came as what is sent").toBe("not_found");
    expect(await (await ask(data.file.uri, bearer(session))).arrayBuffer()).toHaveProperty(
      "byteLength",
      PICTURE.byteLength,
    );
  });

  it("stays open for a file when none was sent, and is refused one that is too large", async () => {
    const session = await open(lane, "ann");
    const { ticket, uri } = await prepare(session);
    expect((await ask(uri, { method: "PUT" })).status).toBe(400);
    const headers = { "content-length": "100000001" };
    expect((await ask(uri, { method: "PUT", headers, body: "x" })).status).toBe(413);
    expect((await ask(uri, { method: "PUT", body: "contents" })).status).toBe(201);
    expect((await upload(session, ticket)).data.result).toEqual({ ok: true });
  });

  it.each([
    ["text/html\r\nX-Admin: 1", "application/octet-stream"],
    ["text/html; charset=utf-8", "text/html"],
    ["../etc", "application/octet-stream"],
  ])("has the type %j as %s, whatever the file is sent with", async (media_type, sent) => {
    const session = await open(lane, "ann");
    const { ticket, uri } = await prepare(session, { media_type, name: 'a"\r\nX-Admin: 1.pdf' });
    const headers = { "content-type": "application/x-evil" };
    expect((await ask(uri, { method: "PUT", headers, body: "contents" })).status).toBe(201);
    await session.call("store_send", { text: "Here", attachment: ticket });
    const [{ type, bytes } = { type: "", bytes: new Uint8Array() }] = got;
    expect(new TextDecoder().decode(bytes)).not.toMatch(/^X-Admin/m);
    const form = await new Response(bytes, { headers: { "content-type": type } }).formData();
    const file = form.get("attachment") as unknown as File;
    expect([file.type, await file.text()]).toEqual([sent, "contents"]);
  });
});
