import { afterEach, describe, expect, it, vi } from "vitest";
import { compileDocument } from "../../../scripts/connections/openapi/compile-document.ts";
import { parseDocument, readDocumentText } from "../../../scripts/connections/openapi/read-document.ts";
import { connectionEntry } from "../../../shared/connections/entry.ts";
import { buildRequest } from "../../../workers/connections/openapi/build-request.ts";
import { pet, petsEntry } from "./pets.ts";
import { call, json, refusal, seen, serve } from "./session-double.ts";

const ORIGIN = "https://api.pets.example";
const BEARER = { auth: { type: "bearer" } } as const;

afterEach(() => void vi.restoreAllMocks());

describe("An address that an entry names", () => {
  it.each([
    "https://127.0.0.1/",
    "https://127.0.0.1:8443/v1",
    "https://127.1/",
    "https://0177.0.0.1/",
    "https://0x7f000001/",
    "https://2130706433/",
    "https://127。0。0。1/",
    "https://１２７.0.0.1/",
    "https://①②⑦.⓪.⓪.①/",
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[fe80::1]/",
    "https://[fd00::1]/",
    "https://localhost/",
    "https://LOCALHOST./",
    "https://api.localhost/",
    "https://metadata.google.internal/",
    "https://printer.local/",
    "https://intranet/",
    "http://api.pets.example/v1",
    "http://api.pets.example:443/v1",
  ])("%s is not asked, and gets no credential", async (url) => {
    serve(() => json([]));
    expect(await refusal(call("listPets", {}, { reach: { url }, ...BEARER }))).toMatchObject({
      code: "forbidden",
    });
    expect(seen).toEqual([]);
  });

  it.each([
    ["user and password", "https://ada:secret@api.pets.example/"],
    ["a user alone", "https://ada@api.pets.example/"],
    ["a fragment", "https://api.pets.example/#x"],
    ["another scheme", "ftp://api.pets.example/"],
    ["a script", "javascript:alert(1)"],
    ["no host", "https:///"],
    ["a port that is none", "https://api.pets.example:99999/"],
    ["an escaped slash in its host", "https://api.pets.example%2f.evil.example/"],
  ])("is no entry with %s", (_what, url) => {
    const entry = petsEntry();
    expect(connectionEntry.safeParse({ ...entry, reach: { url } }).success).toBe(false);
    expect(connectionEntry.safeParse(entry).success).toBe(true);
  });
});

describe("A redirect", () => {
  it.each([
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "https://api.pets.example:8443/v1/pets",
    "http://api.pets.example/v1/pets",
    "https://api.pets.example@evil.example/",
    "https://api.pets.example.evil.example/",
    "https://api.pets.example%2eevil.example/",
    "https://[::ffff:127.0.0.1]/",
    "\thttps://evil.example/",
    "javascript:alert(1)",
    "data:application/json,[]",
    "file:///etc/passwd",
    "ftp://api.pets.example/",
    "https://",
  ])("to %j takes no credential along", async (location) => {
    serve(() => new Response(null, { status: 307, headers: { location } }));
    const refused = await refusal(call("listPets", {}, BEARER));
    expect(refused).toMatchObject({ code: "forbidden" });
    expect(JSON.stringify(refused)).not.toMatch(/evil|s3cret/);
    expect(seen.map(({ url }) => new URL(url).origin)).toEqual([ORIGIN]);
  });

  it("to the same origin with a name and a password in its address takes neither along", async () => {
    serve((_request, number) =>
      number === 1
        ? new Response(null, { status: 302, headers: { location: "https://ada:pw@api.pets.example/v1/x" } })
        : json([]),
    );
    await refusal(call("listPets", {}, BEARER));
    for (const { url, headers } of seen) {
      expect(url).not.toContain("ada");
      expect(headers.authorization).toBe("Bearer s3cret");
    }
  });

  it("that leads back to itself ends after a few, and data that were sent are not sent again", async () => {
    serve(() => new Response(null, { status: 302, headers: { location: "/v1/pets" } }));
    expect((await refusal(call("listPets", {}, BEARER)))?.message).toContain("redirects without an end");
    expect(seen).toHaveLength(6);
    seen.length = 0;
    serve(() => new Response(null, { status: 307, headers: { location: "/v1/pets" } }));
    expect((await refusal(call("createPet", { name: "Ada" }, BEARER)))?.code).toBe("forbidden");
    expect(seen).toHaveLength(1);
  });
});

describe("The address of a next page", () => {
  it.each([
    "https://evil.example/steal?page=2",
    "//evil.example/steal",
    "/\\evil.example/steal",
    "\\\\evil.example\\steal",
    "https://api.pets.example@evil.example/steal",
    "https://ada:pw@api.pets.example/v1/pets?page=2",
    "https://api.pets.example:8443/other",
    "http://api.pets.example/other",
    "https://api.pets.example.evil.example/x",
    "https://[::ffff:169.254.169.254]/latest",
    "javascript:alert(1)",
    "data:application/json,[]",
    "file:///etc/passwd",
    "https://",
  ])("%j is not asked, and the answer says that there is more", async (next) => {
    serve(() => json([{ name: "Ada" }, { name: "Bo" }], 200, { link: `<${next}>; rel="next"` }));
    const answer = await call("listPets", { limit: 2 }, BEARER);
    expect(answer).toMatchObject({ next: null, isElsewhere: true });
  });

  it.each([
    ["/v1/pets/../../admin?x=1", "/admin?x=1"],
    ["/v1/%2e%2e/%2E./admin", "/admin"],
    ["https://API.pets.example:443/v1/pets?page=2", "/v1/pets?page=2"],
    ["//api.pets.example/v1/pets?page=3#frag", "/v1/pets?page=3"],
    ["https://evil.example/v1/pets?page=2", "/v1/pets?page=2"],
  ])("%j stays at the origin of the entry", async (next, target) => {
    serve(() => json([{ name: "Ada" }, { name: "Bo" }], 200, { link: `<${next}>; rel="next"` }));
    const { next: position } = await call("listPets", { limit: 2 }, BEARER);
    expect(position).toEqual({ target });
    const request = buildRequest(pet("listPets"), {}, position as { target: string });
    expect(new URL(`${ORIGIN}${request.target}`).origin).toBe(ORIGIN);
  });
});

describe("An argument of the path", () => {
  it.each([
    ["%2e%2e%2f", "%252e%252e%252f"],
    ["..%2f..%2fadmin", "..%252f..%252fadmin"],
    ["%252e%252e", "%25252e%25252e"],
    ["..%5cadmin", "..%255cadmin"],
    ["．．／admin", "%EF%BC%8E%EF%BC%8E%EF%BC%8Fadmin"],
    ["。。", "%E3%80%82%E3%80%82"],
    ["‥", "%E2%80%A5"],
    ["∕admin", "%E2%88%95admin"],
    ["..;/admin", "..%3B%2Fadmin"],
    ["..\u0000", "..%00"],
    [".. ", "..%20"],
    ["\t..", "%09.."],
    ["//evil.example/x", "%2F%2Fevil.example%2Fx"],
    ["https://evil.example", "https%3A%2F%2Fevil.example"],
    ["ada:pw@evil.example", "ada%3Apw%40evil.example"],
    ["[::ffff:127.0.0.1]", "%5B%3A%3Affff%3A127.0.0.1%5D"],
    [":8443/x", "%3A8443%2Fx"],
  ])("%j stays in its segment", (name, segment) => {
    const { target } = buildRequest(pet("getPet"), { name });
    expect(target).toBe(`/v1/pets/${segment}`);
    expect(new URL(`${ORIGIN}${target}`).href).toBe(`${ORIGIN}/v1/pets/${segment}`);
  });
});

it("A secret that no header can have is never sent and never repeated", async () => {
  serve(() => json([]));
  for (const auth of [{ type: "bearer" }, { type: "header", name: "X-Key" }] as const) {
    const refused = await refusal(call("listPets", {}, { auth }, "s3cret\r\nX-Admin: yes"));
    expect(refused?.message).toBe("The secret of Pets has characters that a header cannot have.");
  }
  expect(seen).toEqual([]);
});

/** A document with these paths and what else it holds. */
const documentOf = (paths: object, more: object = {}) => ({
  openapi: "3.1.0",
  info: { title: "Pets", version: "1" },
  paths,
  ...more,
});
const compile = (document: object) =>
  compileDocument("pets", parseDocument("hostile.json", JSON.stringify(document)), petsEntry());

describe("A document", () => {
  it.each([
    "https://evil.example",
    "//evil.example",
    "https://api.pets.example.evil.example/v1",
    "https://api.pets.example:8443/v1",
    "http://169.254.169.254/",
  ])("that serves one operation at %s makes no tool of it", (url) => {
    const paths = { "/a": { get: { operationId: "a", servers: [{ url }], responses: {} } } };
    const own = { servers: [{ url: "https://api.pets.example/v1" }] };
    expect(compile(documentOf(paths, own))).toMatchObject({ operations: [], refused: [{ name: "a" }] });
    // Without an address of its own the document is where the entry says.
    const [operation] = compile(documentOf(paths)).operations;
    if (operation === undefined) throw new Error("There is no operation.");
    expect(new URL(`${ORIGIN}${buildRequest(operation, {}).target}`).origin).toBe(ORIGIN);
  });

  it("with `servers`, callbacks, webhooks and links of its own has Gatehouse ask nothing but the entry's origin", async () => {
    const url = "https://evil.example/steal";
    const callbacks = {
      done: { "{$request.body#/url}": { post: { operationId: "called", responses: {} } } },
    };
    const links = { next: { operationRef: `${url}#/paths/~1x/get`, server: { url } } };
    const { operations, refused } = compile(
      documentOf(
        { "/a": { get: { operationId: "a", callbacks, responses: { 200: { description: "ok", links } } } } },
        { servers: [{ url }], webhooks: { pet: { post: { operationId: "hooked", responses: {} } } } },
      ),
    );
    expect([operations.map(({ name }) => name), refused]).toEqual([["a"], []]);
    expect(JSON.stringify(operations)).not.toContain("evil.example");
  });

  it.each([
    "//evil.example/x",
    "/\\evil.example/x",
    "/a/../../x",
    "/a/%2e%2e/x",
    "/a/%2E./x",
    "/a?x=1",
    "/a#x",
    "@evil.example/x",
    ".evil.example/x",
    ":8443/x",
    "https://evil.example/x",
    "/a\r\nHost: evil.example",
    "/a/\t../x",
  ])("with the path %j leads to no other origin and no other path", (path) => {
    const { operations } = compile(documentOf({ [path]: { get: { operationId: "a", responses: {} } } }));
    for (const operation of operations) {
      const target = () => buildRequest(operation, {}).target;
      try {
        target();
      } catch {
        continue;
      }
      const url = new URL(`${ORIGIN}${target()}`);
      expect([url.origin, url.pathname.startsWith("/v1/")]).toEqual([ORIGIN, true]);
      expect(url.href.slice(ORIGIN.length)).toBe(target());
    }
  });

  it.each(["__proto__", "constructor", "toString", "prototype"])(
    "with an argument called %s changes nothing of the runtime",
    (name) => {
      const parameter = { name, in: "query", schema: { type: "string", default: "x" } };
      const text = JSON.stringify(
        documentOf({ "/a": { get: { operationId: "a", parameters: [parameter], responses: {} } } }),
      ).replace('"info"', '"__proto__":{"polluted":true},"info"');
      const { operations } = compileDocument("pets", parseDocument("hostile.json", text), petsEntry());
      for (const operation of operations) buildRequest(operation, JSON.parse(`{"${name}":{"polluted":1}}`));
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    },
  );
});

describe("A document in YAML", () => {
  const head = "openapi: 3.1.0\ninfo: { title: T, version: '1' }\n";
  it.each([
    [
      "merges maps that merge maps",
      `${Array.from({ length: 40 }, (_, at) => (at === 0 ? "m0: &m0 { a: [1, 2] }" : `m${at}: &m${at} { x${at}: { <<: *m${at - 1} }, y${at}: { <<: *m${at - 1} } }`)).join("\n")}`,
    ],
    ["repeats one long list by aliases", `a: &a [${"x,".repeat(5_000)}]\nb: [${"*a,".repeat(5_000)}]`],
    ["contains itself", "a: &a [*a]"],
    [
      "runs code by a tag",
      'paths: !!js/function "function () { return 1 }"\nb: !!python/object/apply:os.system [id]',
    ],
  ])("that %s is refused in one sentence, or stays small", (_what, text) => {
    let refused = "";
    try {
      const { operations } = compileDocument(
        "pets",
        parseDocument("hostile.yaml", `${head}${text}`),
        petsEntry(),
      );
      expect(operations).toEqual([]);
    } catch (failure) {
      refused = (failure as Error).message;
      expect(refused).toMatch(/^hostile\.yaml .*[.:]/);
      expect(refused.length).toBeLessThan(300);
    }
  });
});

describe("The address of a document", () => {
  it.each([
    "https://127.0.0.1/a.json",
    "http://example.com/a.json",
    "https://[::ffff:10.0.0.1]/a.json",
    "https://ada:pw@example.com/a.json",
    "file:///etc/passwd",
    "https://",
    "https://exa mple.com/",
  ])("that redirects to %s is not followed", async (location) => {
    const asked: string[] = [];
    vi.spyOn(globalThis, "fetch").mockImplementation(async (input) => {
      asked.push(String(input));
      return new Response(null, { status: 302, headers: { location } });
    });
    await expect(readDocumentText("https://example.com/openapi.json", "/")).rejects.toThrow(/not fetched/);
    expect(asked).toEqual(["https://example.com/openapi.json"]);
  });

  it("that redirects without an end, or never ends, is left after a bound", async () => {
    let asked = 0;
    vi.spyOn(globalThis, "fetch").mockImplementation(async () => {
      asked += 1;
      return new Response(null, { status: 302, headers: { location: `/${asked}` } });
    });
    await expect(readDocumentText("https://example.com/openapi.json", "/")).rejects.toThrow(/without an end/);
    expect(asked).toBeLessThan(6);
    const piece = new Uint8Array(4_000_000).fill(32);
    let pieces = 0;
    const endless = () =>
      new ReadableStream<Uint8Array>({
        pull(controller) {
          pieces += 1;
          controller.enqueue(piece);
        },
      });
    vi.spyOn(globalThis, "fetch").mockImplementation(async () => new Response(endless()));
    await expect(readDocumentText("https://example.com/openapi.json", "/")).rejects.toThrow(
      /more than 32 MB/,
    );
    expect(pieces).toBeLessThan(15);
  });
});
