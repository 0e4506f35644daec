import { env } from "cloudflare:workers";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { MOST_OF_CURSOR, readCursor, writeCursor } from "../../../shared/auth/cursor.ts";
import { storeDefinitions } from "../../../shared/connections/definition-store.ts";
import { writeRevision } from "../../../shared/connections/revision.ts";
import { useTracer } from "../../../shared/observe/spans.ts";
import { storeCatalogues } from "../../../shared/policy/changes/publications.ts";
import { writeSecret } from "../../../workers/connections/vault.ts";
import { awaitEvents } from "../../audit/trail.ts";
import { SpanCollector, writePaths } from "../../support/otlp.ts";
import { publish, publishCatalogues } from "../../support/publish.ts";
import { LANES, openSession } from "../../support/session.ts";
import { compilePets, petsEntry } from "./pets.ts";
import { takeUp } from "./store-double.ts";

const ENTRY = {
  classes: { "*email*": "pii" },
  reach: { url: "https://api.pets.example/v1", trace: true },
} as const;

/** Pets of the other system, three a page at most. */
const PETS = Array.from({ length: 7 }, (_, at) => ({
  id: String(at),
  name: `Pet ${at}`,
  email: `pet${at}@example.com`,
  note: "x".repeat(20),
}));

const TEXT = { "content-type": "text/csv" };
const FILE = { "content-type": "application/octet-stream" };

/** Requests that the other system got. */
const seen: Request[] = [];

/** Pages that it gave of each scroll, whose cursor stays the same. */
const scrolled = new Map<string, number>();

function answer(request: Request): Response {
  const { pathname, searchParams, origin } = new URL(request.url);
  if (origin !== "https://api.pets.example") return new Response(null, { status: 599 });
  if (searchParams.get("api_key") !== "s3cret") return Response.json({ error: "who?" }, { status: 401 });
  if (pathname === "/v1/pets" && request.method === "GET") {
    const [page, limit] = [Number(searchParams.get("page") ?? 1), Number(searchParams.get("limit") ?? 3)];
    const name = searchParams.get("filter[name]");
    if (name === "huge")
      return Response.json(Array.from({ length: 100 }, (_, at) => ({ id: at, note: "z".repeat(3_000) })));
    if (name === "text") return new Response(PETS.map(({ email }) => email).join("\n"), { headers: TEXT });
    if (name === "file") return new Response(PETS.map(({ email }) => email).join("\n"), { headers: FILE });
    if (name === "large")
      return Response.json(PETS.concat(PETS).map((pet) => ({ ...pet, note: "y".repeat(4_000) })));
    return Response.json(PETS.slice((page - 1) * limit, page * limit));
  }
  if (pathname === "/v1/search") {
    const scroll = searchParams.get("q") ?? "";
    const at = scrolled.get(scroll) ?? 0;
    scrolled.set(scroll, at + 1);
    return Response.json({ data: PETS.slice(at * 3, at * 3 + 3), meta: { next_cursor: "same" } });
  }
  if (pathname === "/v1/pets" && request.method === "POST")
    return Response.json({ id: "9" }, { status: 201 });
  const found = PETS.find((pet) => pathname === `/v1/pets/${encodeURIComponent(pet.name)}`);
  return found ? Response.json(found) : Response.json({ message: "none" }, { status: 404 });
}

beforeAll(async () => {
  const plain = globalThis.fetch;
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input, init);
    if (!request.url.includes("pets.example")) return await plain(input, init);
    seen.push(request);
    return answer(request);
  });
  const { operations } = compilePets(ENTRY);
  const digests = await storeDefinitions(env.PLATFORM_DB, operations, Date.now());
  await writeSecret(env, "pets", "s3cret", Date.now());
  await writeSecret(env, "zoo", "s3cret", Date.now());
  const documents = {
    pets: writeRevision("pets", petsEntry(ENTRY), digests),
    zoo: writeRevision("zoo", petsEntry({ ...ENTRY, lists: "search", pinned: ["get_*"] }), digests),
  };
  await publishCatalogues(storeCatalogues(documents, Date.now()));
  await publish(({ roles }) => {
    const viewer = roles.viewer as NonNullable<typeof roles.viewer>;
    roles.viewer = {
      ...viewer,
      scopes: [...viewer.scopes, "pets:read", "zoo:read", "zoo:write"],
      allowed_tools: [...viewer.allowed_tools, "pets_*", "zoo_*", "tools_*"],
      denied_tools: [...(viewer.denied_tools ?? []), "zoo_create_pet", "zoo_search_pets"],
    };
  });
  await takeUp();
});

afterAll(() => {
  vi.restoreAllMocks();
});

const ALL = ["read", "write", "delete"];
const scopesOf = (name: string) => ALL.map((kind) => `${name}:${kind}`);

describe.each(LANES)("An HTTP API on the %s lane", (lane) => {
  it("lists a tool for each operation, with hints by its method", async () => {
    const session = await openSession({ server: "pets", lane, scopes: scopesOf("pets") });
    const { tools } = (await session.request("tools/list")).result;
    const named = tools.filter(({ name }: { name: string }) => name.startsWith("pets_"));
    // And the one that prepares uploads, because one of them takes a file.
    expect(named).toHaveLength(8);
    const remove = named.find(({ name }: { name: string }) => name === "pets_delete_pets_name");
    expect(remove.annotations).toMatchObject({
      destructiveHint: true,
      readOnlyHint: false,
      openWorldHint: true,
    });
  });

  it("follows pages that have the same cursor until one has no rows", async () => {
    const session = await openSession({ server: "pets", lane, scopes: scopesOf("pets") });
    const sizes: number[] = [];
    for (let cursor: string | null | undefined; cursor !== null && sizes.length < 10; ) {
      const { data } = await session.call("pets_search_pets", { q: lane, ...(cursor && { cursor }) });
      sizes.push((data.items as unknown[]).length);
      cursor = data.next as string | null;
    }
    expect(sizes).toEqual([3, 3, 1, 0]);
  });

  it("is asked within the trace of the call, down to the request that it gets", async () => {
    const session = await openSession({ server: "pets", lane, scopes: scopesOf("pets") });
    const collector = new SpanCollector();
    collector.record();
    const [traceId, span] = [crypto.randomUUID().replaceAll("-", ""), "12".repeat(8)];
    session.headers = { traceparent: `00-${traceId}-${span}-01` };
    await session.call("pets_list_pets", { limit: 3, filter_name: "Secretpet" });
    const spans = await collector.await(traceId, span, "POST", "GET");
    const call = "POST /mcp/pets > tools/call pets_list_pets > run > request pets";
    expect(writePaths(spans, span)).toEqual(expect.arrayContaining([call, `${call} > GET`]));
    const request = spans.find(({ name }) => name === "GET");
    expect(seen.at(-1)?.headers.get("traceparent")).toBe(`00-${traceId}-${request?.id}-01`);
    expect(collector.text).not.toMatch(/Secretpet|s3cret/);
    useTracer(null);
  });

  it("answers, a page after the other, until there are no more", async () => {
    const session = await openSession({ server: "pets", lane, scopes: scopesOf("pets") });
    const names: string[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < 5; page += 1) {
      const { data, error } = await session.call("pets_list_pets", { limit: 3, ...(cursor && { cursor }) });
      expect(error).toBeUndefined();
      names.push(...data.items.map((pet: { name: string }) => pet.name));
      if (data.next === null) break;
      cursor = data.next;
    }
    expect(names).toEqual(PETS.map(({ name }) => name));
    const foreign = await session.call("pets_list_pets", { limit: 2, cursor });
    expect(foreign.error?.code).toBe("invalid_input");
  });

  it("keeps the rest of a long list behind a handle", async () => {
    const session = await openSession({ server: "pets", lane, scopes: scopesOf("pets") });
    const { data } = await session.call("pets_list_pets", { filter_name: "large" });
    expect(data.items.length).toBeLessThan(14);
    const rest = await session.call("context_get", {
      handle: data.more.handle,
      offset: data.more.shown,
      limit: 4,
    });
    expect(rest.data.rows[0].name).toBe(`Pet ${data.more.shown % 7}`);
    expect(rest.data.total).toBe(14);
  });

  it("says how many rows it left out of an answer that is too large, and what to do", async () => {
    const session = await openSession({ server: "pets", lane, scopes: scopesOf("pets") });
    const { data } = await session.call("pets_list_pets", { filter_name: "huge" });
    const left = 100 - (data.more?.total ?? data.items.length);
    expect(left).toBeGreaterThan(0);
    expect(data.left_out).toBe(
      `${left} rows did not fit and are in no other page. Ask for less: fewer rows a page, narrower filters, or fewer fields.`,
    );
    const whole = await session.call("pets_list_pets", { limit: 3 });
    expect(whole.data).not.toHaveProperty("left_out");
  });

  it.each(["text", "file"])("gives no %s to a role that may not see all fields", async (kind) => {
    const scopes = ["pets:read"];
    const viewer = await openSession({ server: "pets", lane, as: "vera", role: "viewer", scopes });
    const refused = await viewer.call("pets_list_pets", { filter_name: kind });
    expect(refused.error).toMatchObject({
      code: "forbidden",
      message: expect.stringMatching(/^Pets answers with .* cannot be hidden\.$/),
    });
    const admin = await openSession({ server: "pets", lane, scopes });
    const { data } = await admin.call("pets_list_pets", { filter_name: kind });
    expect(data.items).toHaveLength(1);
  });

  it("refuses arguments that the document does not know or allow, before anything is sent", async () => {
    const session = await openSession({ server: "pets", lane, scopes: scopesOf("pets") });
    const before = seen.length;
    expect((await session.call("pets_list_pets", { limit: 1_000 })).error?.code).toBe("invalid_input");
    expect((await session.call("pets_list_pets", { api_key: "mine" })).error?.message).toMatch(
      /Unknown argument/,
    );
    expect((await session.call("pets_get_pet", { name: ".." })).error?.message).toMatch(/must not be/);
    expect(seen.length).toBe(before);
    expect((await session.call("pets_get_pet", { name: "Nemo" })).error?.code).toBe("not_found");
  });

  it("hides fields of a class from a role that may not see it", async () => {
    const viewer = await openSession({
      server: "pets",
      lane,
      as: "vera",
      role: "viewer",
      scopes: ["pets:read"],
    });
    const { data } = await viewer.call("pets_get_pet", { name: "Pet 1" });
    expect(data.result.name).toBe("Pet 1");
    expect(JSON.stringify(data)).not.toContain("pet1@example.com");
    const admin = await openSession({ server: "pets", lane, scopes: ["pets:read"] });
    expect((await admin.call("pets_get_pet", { name: "Pet 1" })).data.result.email).toBe("pet1@example.com");
  });
});

describe.each(LANES)("A URL whose lists stay small, on the %s lane", (lane) => {
  it("lists what finds, describes and calls the others, and what is pinned", async () => {
    const session = await openSession({ server: "zoo", lane, scopes: scopesOf("zoo") });
    const { tools } = (await session.request("tools/list")).result;
    const names = tools.map(({ name }: { name: string }) => name);
    expect(names.filter((name: string) => !name.startsWith("context_"))).toEqual([
      "zoo_get_pet",
      "tools_find",
      "tools_describe",
      "tools_read",
      "tools_write",
    ]);
  });

  it("finds, describes and calls", async () => {
    const session = await openSession({ server: "zoo", lane, scopes: scopesOf("zoo") });
    const { data: found } = await session.call("tools_find", { query: "list pets" });
    expect(found.tools[0]).toMatchObject({ name: "zoo_list_pets", call_with: "tools_read" });
    const { data: described } = await session.call("tools_describe", { names: ["zoo_list_pets"] });
    expect(described.tools[0].input.properties.limit).toMatchObject({ maximum: 100 });
    const called = await session.call("tools_read", { name: "zoo_list_pets", arguments: { limit: 2 } });
    expect(called.data.items).toHaveLength(2);
    const wrong = await session.call("tools_read", { name: "zoo_list_pets", arguments: { limit: "many" } });
    expect(wrong.error).toMatchObject({ code: "invalid_input" });
  });

  it("calls what changes something by another tool than what reads", async () => {
    const session = await openSession({ server: "zoo", lane, scopes: scopesOf("zoo") });
    const misused = await session.call("tools_read", { name: "zoo_create_pet", arguments: { name: "Ada" } });
    expect(misused.error?.message).toBe("zoo_create_pet changes something: call it with tools_write.");
    const made = await session.call("tools_write", { name: "zoo_create_pet", arguments: { name: "Ada" } });
    expect(made.data).toMatchObject({ status: 201 });
    expect(
      (await session.call("tools_write", { name: "zoo_list_pets", arguments: {} })).error?.message,
    ).toMatch(/tools_read/);
    expect((await session.call("tools_write", { name: "tools_write", arguments: {} })).error?.code).toBe(
      "not_found",
    );
    expect((await session.call("tools_write", { name: "zoo_create_pet", arguments: [1] })).error?.code).toBe(
      "invalid_input",
    );
  });

  it("asks for a scope that the found tool needs, as it does for the tool itself", async () => {
    const session = await openSession({ server: "zoo", lane, scopes: ["zoo:read"] });
    const answer = await session.request("tools/call", {
      name: "tools_write",
      arguments: { name: "zoo_create_pet", arguments: { name: "Ada" } },
    });
    expect(answer.status).toBe(403);
    expect(answer.headers.get("www-authenticate")).toContain("zoo:write");
  });

  it("counts and judges what was found as the tool itself, for what leaves the company too", async () => {
    const scopes = [...scopesOf("zoo"), "crm:read"];
    const session = await openSession({ server: "", lane, as: `flow_${lane}`, scopes });
    const create = () => session.call("tools_write", { name: "zoo_create_pet", arguments: { name: "Ada" } });
    await session.call("tools_read", { name: "zoo_list_pets", arguments: { limit: 1 } });
    expect((await create()).data, "words of others alone").toMatchObject({ status: 201 });
    await session.call("crm_find_companies", { query: "a" });
    const { error } = await create();
    expect(error?.code).toBe("approval_required");
    expect(error?.message).toContain("text of others with zoo_create_pet, zoo_list_pets");
  });

  it("never finds, describes or calls a tool that the policy denies", async () => {
    const viewer = await openSession({
      server: "zoo",
      lane,
      as: "vera",
      role: "viewer",
      scopes: ["zoo:read", "zoo:write"],
    });
    const before = seen.length;
    for (const query of ["search pets", "create pet", "zoo_search_pets", "add a pet", "pet name q"]) {
      const { data } = await viewer.call("tools_find", { query, limit: 20 });
      expect(JSON.stringify(data)).not.toMatch(/zoo_search_pets|zoo_create_pet/);
    }
    const described = await viewer.call("tools_describe", { names: ["zoo_search_pets"] });
    const invented = await viewer.call("tools_describe", { names: ["zoo_invented"] });
    expect(described.error?.message.replace("zoo_search_pets", "")).toBe(
      invented.error?.message.replace("zoo_invented", ""),
    );
    expect(
      (await viewer.call("tools_read", { name: "zoo_search_pets", arguments: { q: "x" } })).error?.code,
    ).toBe("forbidden");
    expect(
      (await viewer.call("tools_write", { name: "zoo_create_pet", arguments: { name: "x" } })).error?.code,
    ).toBe("forbidden");
    expect(seen.length).toBe(before);
  });
});

it("A cursor is taken back as long as one is given, and the tool takes it", async () => {
  const shape = z.object({ target: z.string() });
  const position = { target: `/v1/pets?x=${"y".repeat(15_900)}` };
  const cursor = await writeCursor(env, ["list"], position);
  expect(cursor.length).toBeLessThanOrEqual(MOST_OF_CURSOR);
  expect(await readCursor(env, ["list"], shape, cursor)).toEqual(position);
  await expect(writeCursor(env, ["list"], { target: "y".repeat(20_000) })).rejects.toThrow(/too long/);
  const session = await openSession({ server: "pets", lane: "stateless", scopes: scopesOf("pets") });
  const { tools } = (await session.request("tools/list")).result;
  const list = tools.find(({ name }: { name: string }) => name === "pets_list_pets");
  expect(list.inputSchema.properties.cursor.maxLength).toBe(MOST_OF_CURSOR);
});

it("A call through another tool is recorded as the tool that ran", async () => {
  const session = await openSession({
    server: "zoo",
    lane: "stateless",
    as: "rita",
    scopes: scopesOf("zoo"),
  });
  await session.call("tools_read", { name: "zoo_get_pet", arguments: { name: "Pet 1" } });
  const [intent, outcome] = await awaitEvents("user_rita", 2);
  expect(intent).toMatchObject({
    type: "intent",
    server: "zoo",
    name: "zoo_get_pet",
    arguments: { name: "string" },
  });
  expect(outcome).toMatchObject({ type: "outcome", status: "ok" });
});
