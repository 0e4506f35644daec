import { env } from "cloudflare:workers";
import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { approvalGate } from "../../../shared/objects/approval-gate.ts";
import { policyInForce } from "../../../shared/policy/current.ts";
import { removeEndedFiles, removeFilesOf } from "../../../workers/connections/files/remove-files.ts";
import { storeStream } from "../../../workers/connections/files/store-stream.ts";
import { cleanName, keyOfFile, noteFile } from "../../../workers/connections/files/tickets.ts";
import { allEventsOf } from "../../audit/trail.ts";
import { findApproval } from "../../support/approvals.ts";
import { arrive } from "../../support/arrive.ts";
import { publish } from "../../support/publish.ts";
import { LANES, openSession } from "../../support/session.ts";
import { addPerson } from "../../support/token.ts";
import {
  allowStore,
  ask,
  bearer,
  fill,
  got,
  large,
  open,
  openStore,
  PICTURE,
  type Session,
  sending,
  takeUp,
} from "./store-double.ts";

beforeAll(openStore);

afterAll(() => vi.restoreAllMocks());

beforeEach(() => {
  got.length = 0;
});

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
    expect((await ask(file.uri)).status, "no person").toBe(401);
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

  it("is removed with all that ended, and what no ticket knows wherever it is in the list", async () => {
    const noted = { connection: "store", userId: "user_bulk", name: "old", mediaType: "text/plain" };
    const hourAgo = Date.now() - 3_600_000;
    for (let at = 0; at < 7; at += 1) await noteFile(env.PLATFORM_DB, "out", noted, hourAgo);
    expect(await removeEndedFiles(env, Date.now(), 3)).toBe(7);
    const forgotten = ["0", "5", "8", "a", "f", "z"].map((start) => keyOfFile(`${start}-forgotten`));
    for (const key of forgotten) await env.MEDIA.put(key, "contents");
    const tomorrow = Date.now() + 24 * 3_600_000;
    await removeEndedFiles(env, tomorrow, 4);
    const left = async () => (await env.MEDIA.list({ prefix: keyOfFile("") })).objects.map(({ key }) => key);
    expect(await left(), "an approval may wait for a day").toEqual(expect.arrayContaining(forgotten));
    await removeEndedFiles(env, tomorrow + 3 * 3_600_000, 4);
    expect((await left()).filter((key) => forgotten.includes(key))).toEqual([]);
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

describe("A file of a call that a person approves", () => {
  afterEach(async () => {
    await publish(({ roles }) => allowStore(roles));
    await takeUp();
  });

  /** Every upload needs an approval by another person. */
  async function askForUploads() {
    await publish(({ roles }) => {
      allowStore(roles);
      for (const [name, role] of Object.entries(roles))
        roles[name] = {
          ...role,
          require_approval: [{ name: "look", tools: ["store_upload"], message: "Look at it." }],
        };
      roles.admin = { ...(roles.admin as NonNullable<typeof roles.viewer>), approves: ["*"] };
    });
    await takeUp();
    await addPerson({ name: "boss", role: "admin" });
  }

  it("is there before anybody is asked, and the approval is for its contents", async () => {
    await askForUploads();
    const gus = await open("stateless", "gus");
    const { data } = await gus.call("store_prepare_upload", { name: "offer.pdf" });
    const upload = () => gus.call("store_upload", { id: "1", body: data.ticket });
    expect((await upload()).error, "an empty ticket").toMatchObject({ code: "not_found" });
    await ask(data.uri, { method: "PUT", body: "the offer" });
    expect((await upload()).error?.code).toBe("approval_required");
    const asked = await findApproval("user_gus");
    expect(JSON.stringify(asked)).not.toContain(data.ticket);
    expect(asked.shown?.preview?.[0]).toMatchObject({
      record: { type: "file", label: "offer.pdf" },
      fields: [
        { name: "bytes", to: "9" },
        { name: "SHA-256", to: createHash("sha256").update("the offer").digest("hex") },
      ],
    });
    const file = await env.PLATFORM_DB.prepare(
      "SELECT id, expires_at AS end FROM file_ticket WHERE user_id = 'user_gus'",
    ).first<{ id: string; end: number }>();
    expect(file?.end, "as long as the approval").toBeGreaterThanOrEqual(asked.expiresAt);
    const grant = async ({ approvalId }: typeof asked) =>
      await approvalGate(env, "user_gus").decideApproval({
        ...{ approvalId, by: "user_boss", granted: true, reason: null },
        policyDigest: (await policyInForce(env)).digest,
      });
    expect(await grant(asked)).toBe("recorded");
    const key = keyOfFile(file?.id ?? "");
    await env.MEDIA.put(key, "something else");
    expect((await upload()).error?.code, "other contents").toBe("approval_required");
    await env.MEDIA.put(key, "the offer");
    expect((await upload()).data?.result).toEqual({ ok: true });
    expect(new TextDecoder().decode(got.at(-1)?.bytes)).toBe("the offer");
  });

  it("counts again after a call whose arguments are refused, or that sent nothing", async () => {
    const session = await open("stateless", "gail");
    const { ticket } = await fill(session, "contents");
    const refused = await session.call("store_upload", { id: "..", body: ticket });
    expect(refused.error?.code).toBe("invalid_input");
    expect((await session.call("store_upload", { id: "1", body: ticket })).data?.result).toEqual({
      ok: true,
    });
  });

  it("is not given once the person may not use the connection any more", async () => {
    const dan = await openSession({
      ...{ server: "store", lane: "stateless", as: "dan", role: "analyst", scopes: ["store:read"] },
    });
    const { data } = await dan.call("store_download", { id: "1" });
    await publish(() => {});
    await takeUp();
    expect((await ask(data.file.uri, bearer(dan))).status).toBe(404);
    await publish(({ roles }) => allowStore(roles));
    await takeUp();
    expect((await ask(data.file.uri, bearer(dan))).status, "not used up").toBe(200);
  });
});

describe("An answer that is a file", () => {
  it("is masked whatever its encoding, or refused where that is not known", async () => {
    const viewer = await openSession({
      ...{ server: "store", lane: "stateless", as: "vic", role: "viewer", scopes: ["store:read"] },
    });
    const read = async (id: string) => {
      const { data, error } = await viewer.call("store_download", { id });
      if (error) return error.code;
      if (data.file) return await (await ask(data.file.uri, bearer(viewer))).text();
      return String(data.result);
    };
    for (const id of ["utf-16", "short-utf-16"]) {
      const text = await read(id);
      expect(text, id).toContain("Ada;");
      expect(text.replaceAll("\0", ""), id).not.toContain("lovelace@");
    }
    expect((await read("latin-1")).slice(0, 4)).toBe("Zo\u00eb;");
    for (const id of ["no-utf-8", "short-no-utf-8", "short", "small"])
      expect(await read(id), id).toBe("forbidden");
  });

  it("is read no further than needed when it is a refusal", async () => {
    const session = await open("stateless", "rob");
    const { error } = await session.call("store_download", { id: "endless-refusal" });
    expect(error?.code).toBe("invalid_input");
    expect(sending.pieces).toBeLessThan(5);
  });

  it("leaves nothing when its person is erased meanwhile", async () => {
    const eve = await open("stateless", "eve");
    sending.beforeLast = async () => void (await removeFilesOf(env, "user_eve"));
    const before = (await env.MEDIA.list({ prefix: keyOfFile("") })).objects.length;
    const { data, error } = await eve.call("store_download", { id: "slow" });
    sending.beforeLast = async () => {};
    expect(data?.file).toBeUndefined();
    expect(error?.code).toBe("not_found");
    expect((await env.MEDIA.list({ prefix: keyOfFile("") })).objects).toHaveLength(before);
  });

  it("leaves room for others once it was fetched, and says of a change that it was made", async () => {
    const cy = await open("stateless", "cy");
    const download = async () => await cy.call("store_download", { id: "1" });
    for (const { data } of await Promise.all(Array.from({ length: 20 }, download)))
      await (await ask(data.file.uri, bearer(cy))).arrayBuffer();
    const open20 = await Promise.all(Array.from({ length: 20 }, download));
    expect(open20.filter(({ error }) => error)).toEqual([]);
    expect((await download()).error?.message).toContain("too many files");
    const { error } = await cy.call("store_upload", { id: "echo", body: btoa("x") });
    expect(got).toHaveLength(1);
    expect(error?.message).toContain("The change was made: do not repeat the call.");
  });
});
