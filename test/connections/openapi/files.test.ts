import { env, exports } from "cloudflare:workers";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { compileDocument } from "../../../scripts/connections/openapi/compile-document.ts";
import { storeDefinitions } from "../../../shared/connections/definition-store.ts";
import { openapiEntry } from "../../../shared/connections/kinds/openapi.ts";
import { writeRevision } from "../../../shared/connections/revision.ts";
import { storeCatalogues } from "../../../shared/policy/changes/publications.ts";
import { removeEndedFiles, removeFilesOf } from "../../../workers/connections/files/remove-files.ts";
import { storeStream } from "../../../workers/connections/files/store-stream.ts";
import { cleanName, keyOfFile, noteFile } from "../../../workers/connections/files/tickets.ts";
import { allEventsOf } from "../../audit/trail.ts";
import { arrive } from "../../support/arrive.ts";
import { publish, publishCatalogues, readState } from "../../support/publish.ts";
import { LANES, openSession } from "../../support/session.ts";

const entry = openapiEntry.parse({
  kind: "openapi",
  title: "Store",
  description: "Files of the company.",
  owner: "team@example.com",
  document: "store.yaml",
  reach: { url: "https://api.store.example" },
  limits: { bytes: 20_000 },
});

const ID = { name: "id", in: "path", required: true, schema: { type: "string" } };
const FILE = { type: "string", format: "binary" };
const DOCUMENT = {
  openapi: "3.1.0",
  info: { title: "Store", version: "1" },
  paths: {
    "/files/{id}": {
      get: { operationId: "download", parameters: [ID], responses: {} },
      put: {
        operationId: "upload",
        parameters: [ID],
        requestBody: { required: true, content: { "application/octet-stream": { schema: FILE } } },
        responses: {},
      },
    },
    "/mail": {
      post: {
        operationId: "send",
        requestBody: {
          content: {
            "multipart/form-data": {
              schema: { type: "object", properties: { text: { type: "string" }, attachment: FILE } },
            },
          },
        },
        responses: {},
      },
    },
  },
};

/** What the other system got. */
const got: { type: string; length: string; bytes: Uint8Array }[] = [];

const large = (size: number) => Uint8Array.from({ length: size }, (_, at) => at % 251);
const PICTURE = large(40_000);

/** Downloads of the other system, some of which lie. */
function download(id: string): Response {
  const answer = (body: BodyInit, type: string, disposition?: string) =>
    new Response(body, {
      headers: { "content-type": type, ...(disposition && { "content-disposition": disposition }) },
    });
  switch (id) {
    case "page":
      return answer(`<script>alert(1)</script>${"x".repeat(30_000)}`, "text/html; charset=utf-8");
    case "names":
      return answer(PICTURE, "image/png", "inline; filename*=UTF-8''..%2F..%2Fe%CC%81vil%0D%0Ax%22.html");
    case "log":
      return answer(
        `token ghp_${"a1B2".repeat(9)} of ada@example.com\n${"line\n".repeat(8_000)}`,
        "text/plain",
      );
    case "small":
      return answer(large(100), "image/png");
    default:
      return answer(PICTURE, "image/png", `attachment; filename="report.png"`);
  }
}

beforeAll(async () => {
  const plain = globalThis.fetch;
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input, init);
    const { hostname, pathname } = new URL(request.url);
    if (hostname !== "api.store.example") return await plain(input, init);
    if (request.method === "GET") return download(pathname.split("/").at(-1) ?? "");
    got.push({
      type: request.headers.get("content-type") ?? "",
      length: request.headers.get("content-length") ?? "",
      bytes: new Uint8Array(await request.arrayBuffer()),
    });
    return Response.json({ ok: true });
  });
  const documents: Record<string, string> = {};
  for (const name of ["store", "second"]) {
    const { operations } = compileDocument(name, DOCUMENT, entry);
    const digests = await storeDefinitions(env.PLATFORM_DB, operations, Date.now());
    documents[name] = writeRevision(name, entry, digests);
  }
  await publishCatalogues(storeCatalogues(documents, Date.now()));
  await publish(({ roles }) => {
    for (const name of ["viewer", "analyst"]) {
      const role = roles[name] as NonNullable<typeof roles.viewer>;
      roles[name] = {
        ...role,
        scopes: [...role.scopes, "store:read"],
        allowed_tools: [...role.allowed_tools, "store_*"],
      };
    }
  });
  const { publication } = await readState();
  const body = JSON.stringify({ publication });
  await exports.default.fetch(new URL("/policy/changes", env.PUBLIC_URL), {
    method: "POST",
    headers: { "content-type": "application/json", "content-length": String(body.length) },
    body,
  });
});

afterAll(() => vi.restoreAllMocks());

beforeEach(() => {
  got.length = 0;
});

const scopesOf = (name: string) => [`${name}:read`, `${name}:write`];
const ask = (address: string, init?: RequestInit) => exports.default.fetch(new Request(address, init));
const open = (lane: (typeof LANES)[number], as: string, server = "store") =>
  openSession({ server, lane, as, scopes: scopesOf(server) });
type Session = Awaited<ReturnType<typeof open>>;

/** A ticket of a session, filled with these bytes. */
async function fill(session: Session, bytes: Uint8Array | string, server = "store") {
  const { data } = await session.call(`${server}_prepare_upload`, {
    name: "offer.pdf",
    media_type: "application/pdf",
  });
  const sent = await ask(data.uri, { method: "PUT", body: bytes });
  return { ...data, status: sent.status } as { ticket: string; uri: string; status: number };
}

const bearer = ({ token }: Session) => ({ headers: { authorization: `Bearer ${token.accessToken}` } });

describe.each(LANES)("A file for an HTTP API, on the %s lane", (lane) => {
  it("goes by ticket as the body of a request, with its length, and the model sees neither", async () => {
    const session = await open(lane, "ann");
    const bytes = large(6 * 1024 * 1024 + 17);
    const { ticket, status } = await fill(session, bytes);
    expect(status).toBe(201);
    const { data } = await session.call("store_upload", { id: "1", body: ticket });
    expect(data.result).toEqual({ ok: true });
    expect(got).toHaveLength(1);
    expect(got[0]).toMatchObject({ type: "application/octet-stream" });
    expect(got[0]?.bytes.byteLength).toBe(bytes.byteLength);
    expect(got[0]?.bytes.at(-1)).toBe(bytes.at(-1));
    const events = (await allEventsOf("user_ann")).filter(({ type }) => type === "file_transfer");
    expect(events.at(-1)).toMatchObject({ connection: "store", direction: "in", bytes: bytes.byteLength });
    expect(JSON.stringify(events)).not.toContain(ticket);
  });

  it("goes by ticket as a part among others, with the name that the person gave it", async () => {
    const session = await open(lane, "ann");
    const { ticket } = await fill(session, "contents");
    await session.call("store_send", { text: "Here it is", attachment: ticket });
    const [{ type, bytes } = { type: "", bytes: new Uint8Array() }] = got;
    const form = await new Response(bytes, { headers: { "content-type": type } }).formData();
    expect(form.get("text")).toBe("Here it is");
    const file = form.get("attachment") as unknown as File;
    expect([file.name, file.type, await file.text()]).toEqual(["offer.pdf", "application/pdf", "contents"]);
  });

  it("counts once, for its person and its connection alone", async () => {
    const [ann, bob] = [await open(lane, "ann"), await open(lane, "bob")];
    const { ticket, uri } = await fill(ann, "of ann");
    expect((await ask(uri, { method: "PUT", body: "by another" })).status, "filled again").toBe(404);
    const upload = (session: Session, body: string, name = "store") =>
      session.call(`${name}_upload`, { id: "1", body });
    expect((await upload(bob, ticket)).error?.code).toBe("not_found");
    const other = await open(lane, "ann", "second");
    expect((await upload(other, ticket, "second")).error?.code).toBe("not_found");
    const both = await Promise.all([upload(ann, ticket), upload(ann, ticket)]);
    expect(both.map(({ error }) => error?.code ?? "sent").sort()).toEqual(["not_found", "sent"]);
    expect(got.map(({ bytes }) => new TextDecoder().decode(bytes))).toEqual(["of ann"]);
    expect((await upload(ann, `file_${"A".repeat(43)}`)).error?.code).toBe("not_found");
    const empty = (await ann.call("store_prepare_upload", { name: "x" })).data.ticket;
    expect((await upload(ann, empty)).error?.message).toContain("was not sent yet");
  });

  it("comes from it as a link that works once, for its person alone", async () => {
    const [ann, bob] = [await open(lane, "ann"), await open(lane, "bob")];
    const called = (await ann.request("tools/call", { name: "store_download", arguments: { id: "1" } }))
      .result;
    const { file } = called.structuredContent;
    expect(file).toMatchObject({ name: "report.png", bytes: PICTURE.byteLength, media_type: "image/png" });
    expect(called.content).toContainEqual(
      expect.objectContaining({ type: "resource_link", uri: file.uri, name: "report.png" }),
    );
    expect(JSON.stringify(called).length, "not through the model").toBeLessThan(2_000);
    expect((await ask(file.uri)).status, "nobody").toBe(401);
    expect((await ask(file.uri, bearer(bob))).status, "a colleague").toBe(404);
    expect((await ask(file.uri, { method: "HEAD", ...bearer(ann) })).status, "a look at the link").toBe(405);
    const [first, second] = await Promise.all([ask(file.uri, bearer(ann)), ask(file.uri, bearer(ann))]);
    expect([first.status, second.status].sort()).toEqual([200, 404]);
    const taken = first.status === 200 ? first : second;
    expect(new Uint8Array(await taken.arrayBuffer())).toEqual(PICTURE);
    const events = (await allEventsOf("user_ann")).filter(({ type }) => type === "file_transfer");
    expect(events.at(-1)).toMatchObject({ connection: "store", direction: "out", bytes: PICTURE.byteLength });
  });

  it("that is small stays in the answer", async () => {
    const { data } = await (await open(lane, "ann")).call("store_download", { id: "small" });
    expect(data.result).toMatchObject({ media_type: "image/png", bytes: 100, base64: expect.any(String) });
  });

  it("is masked like every text, or refused where it cannot be", async () => {
    const as = (role: "viewer" | "analyst") =>
      openSession({ server: "store", lane, as: role, role, scopes: ["store:read"] });
    const [viewer, analyst] = [await as("viewer"), await as("analyst")];
    const textOf = async (session: Session) => {
      const { data } = await session.call("store_download", { id: "log" });
      return (await ask(data.file.uri, bearer(session))).text();
    };
    expect((await textOf(viewer)).slice(0, 100)).not.toMatch(/ghp_a1|ada@example/);
    const read = (await textOf(analyst)).slice(0, 100);
    expect(read).not.toContain("ghp_a1");
    expect(read).toContain("ada@example.com");
    expect((await viewer.call("store_download", { id: "1" })).error).toMatchObject({ code: "forbidden" });
    expect((await analyst.call("store_download", { id: "1" })).data.file.bytes).toBe(PICTURE.byteLength);
  });
});

describe("The address of a file", () => {
  it("never lets another system's contents run here, whatever their type and name", async () => {
    const session = await open("stateless", "ann");
    for (const id of ["page", "names"]) {
      const { data } = await session.call("store_download", { id });
      const { headers } = await ask(data.file.uri, bearer(session));
      expect(headers.get("content-type")).toBe("application/octet-stream");
      expect(headers.get("content-disposition")).toMatch(
        /^attachment; filename="[^"\\/]+"; filename\*=UTF-8''[\w.%~-]+$/,
      );
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("content-security-policy")).toContain("sandbox");
      expect(headers.get("cache-control")).toBe("no-store");
    }
    expect(cleanName("../../a\u202egnp.exe\r\nx: y")).toBe("agnp.exex y");
    expect(cleanName("...")).toBe("file");
  });

  it("lets a person who signed in on a browser take it, and sends one who did not to sign in", async () => {
    const browser = await arrive("dana");
    const session = await open("stateless", "dana");
    const { data } = await session.call("store_download", { id: "1" });
    const { pathname } = new URL(data.file.uri);
    const away = await ask(data.file.uri, { headers: { accept: "text/html" }, redirect: "manual" });
    expect(away.headers.get("location")).toBe(`/sign-in?next=${encodeURIComponent(pathname)}`);
    const other = await arrive("otto");
    expect((await other.get(pathname)).status).toBe(404);
    expect((await browser.get(pathname)).status).toBe(200);
    expect((await browser.get(pathname)).status).toBe(404);
  });

  it("takes no file that is too large, and keeps nothing of it", async () => {
    const session = await open("stateless", "ann");
    const { data } = await session.call("store_prepare_upload", { name: "x" });
    const headers = { "content-length": "100000001" };
    expect((await ask(data.uri, { method: "PUT", headers, body: "x" })).status).toBe(413);
    async function* endless() {
      for (;;) yield new Uint8Array(1_000_000);
    }
    await expect(storeStream(env.MEDIA, "files/endless", endless(), 12_000_000)).rejects.toThrow(/more than/);
    expect(await env.MEDIA.head("files/endless")).toBeNull();
  });

  it("gives a person at most 20 at a time", async () => {
    const session = await open("stateless", "many");
    const asked = await Promise.all(
      Array.from({ length: 22 }, () => session.call("store_prepare_upload", { name: "x" })),
    );
    expect(asked.filter(({ error }) => error?.code === "rate_limited")).toHaveLength(2);
  });

  it("ends after minutes, and is removed with its contents, with its person too", async () => {
    const hourAgo = Date.now() - 3_600_000;
    const noted = { connection: "store", userId: "user_old", name: "old", mediaType: "text/plain" };
    const ended = await noteFile(env.PLATFORM_DB, "out", noted, hourAgo);
    const kept = await noteFile(env.PLATFORM_DB, "out", noted);
    const keys = [ended, kept].map((file) => keyOfFile(file?.id ?? ""));
    for (const key of keys) await env.MEDIA.put(key, "contents");
    await env.MEDIA.put("pictures-of-articles", "stay");
    expect(await removeEndedFiles(env, Date.now(), 100)).toBe(1);
    const left = async () =>
      (await Promise.all(keys.map((key) => env.MEDIA.head(key)))).map((one) => one !== null);
    expect(await left()).toEqual([false, true]);
    expect(await removeFilesOf(env, "user_old")).toBe(1);
    expect(await left()).toEqual([false, false]);
    expect(await env.MEDIA.head("pictures-of-articles")).not.toBeNull();
    const rows = await env.PLATFORM_DB.prepare(
      "SELECT digest FROM file_ticket WHERE digest LIKE 'file%'",
    ).all();
    expect(rows.results, "no ticket is stored").toEqual([]);
  });
});
