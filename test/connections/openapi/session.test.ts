import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { ConnectionTarget } from "../../../shared/objects/connection-gate.ts";
import { openAuthorizedFetch } from "../../../workers/connections/mcp/authorized-fetch.ts";
import { readLikeStandard } from "../../../workers/connections/oauth/declared-server.ts";
import { call, env, json, memory, refusal, seen, serve } from "./session-double.ts";

it.each([
  [undefined, false],
  [false, false],
  [true, true],
])("The other system gets the trace of the call only where the entry says so (%j)", async (trace, gets) => {
  serve(() => json([]));
  const reach = { url: "https://api.pets.example/v1", ...(trace !== undefined && { trace }) };
  await call("listPets", {}, { reach });
  expect(Object.hasOwn(seen[0]?.headers ?? {}, "traceparent")).toBe(gets);
  const signal = new AbortController().signal;
  const owner = { traceId: "0".repeat(32), tokenId: "", signal, count: () => {} };
  const entry = { reach: { ...reach, url: "https://mcp.example.com/mcp" } };
  const target = { name: "other", revision: "r", entry } as unknown as ConnectionTarget;
  const credential = { headers: async () => ({}) } as unknown as Parameters<typeof openAuthorizedFetch>[2];
  await openAuthorizedFetch(
    env,
    target,
    credential,
    () => owner,
  )("https://mcp.example.com/mcp", { method: "POST" });
  expect(Object.hasOwn(seen[1]?.headers ?? {}, "traceparent")).toBe(gets);
});

describe("The secret of a connection", () => {
  it.each([
    [{ type: "bearer" }, "authorization", "Bearer s3cret"],
    [{ type: "header", name: "X-API-Key" }, "x-api-key", "s3cret"],
    [{ type: "header", name: "X-Auth", prefix: "Token token=" }, "x-auth", "Token token=s3cret"],
    [{ type: "basic", user: "ada" }, "authorization", `Basic ${btoa("ada:s3cret")}`],
  ] as const)("goes with %j", async (auth, header, value) => {
    serve(() => json([]));
    await call("listPets", {}, { auth });
    expect(seen[0]?.headers[header]).toBe(value);
  });

  it("goes as a parameter of the query, which no argument replaces", async () => {
    serve(() => json([]));
    await call("listPets", { filter_name: "x" });
    expect(seen[0]?.url).toBe("https://api.pets.example/v1/pets?filter%5Bname%5D=x&api_key=s3cret");
  });

  it("has several parts, each in its header", async () => {
    serve(() => json([]));
    await call(
      "listPets",
      {},
      { auth: { type: "headers", names: ["DD-API-KEY", "DD-APPLICATION-KEY"] } },
      "one two",
    );
    expect(seen[0]?.headers).toMatchObject({ "dd-api-key": "one", "dd-application-key": "two" });
  });

  it("signs requests to AWS and is not in them", async () => {
    serve(() => json([]));
    await call(
      "createPet",
      { name: "Ada" },
      {
        auth: {
          type: "aws",
          access_key_id: "AKIDEXAMPLE1234567",
          region: "eu-central-1",
          service: "execute-api",
        },
      },
    );
    expect(seen[0]?.headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE1234567\/\d{8}\/eu-central-1\/execute-api\/aws4_request, SignedHeaders=\S+, Signature=[0-9a-f]{64}$/,
    );
    expect(JSON.stringify(seen)).not.toContain("s3cret");
    expect(seen[0]?.body).toBe('{"name":"Ada"}');
  });

  it("is asked for in one sentence when the vault has none", async () => {
    await expect(call("listPets", {}, {}, null)).rejects.toThrow(
      "No password is stored for the account of Pets.",
    );
  });

  it("never follows a redirect to another origin", async () => {
    serve(() => new Response(null, { status: 302, headers: { location: "https://evil.example/steal" } }));
    expect(await refusal(call("listPets", {}, { auth: { type: "bearer" } }))).toMatchObject({
      code: "forbidden",
    });
    expect(seen).toHaveLength(1);
  });

  it("never follows the next page to another origin", async () => {
    let link = '<https://evil.example/steal?page=2>; rel="next"';
    serve(() => json([{ name: "Ada" }], 200, { link }));
    expect((await call("listPets", {})).next).toBeNull();
    link = '<https://evil.example/v1/pets?page=2>; rel="next"';
    expect((await call("listPets", {})).next, "the same path, at the entry's origin").toEqual({
      target: "/v1/pets?page=2",
    });
    link = '<https://ada:secret@api.pets.example/v1/pets?page=2>; rel="next"';
    expect((await call("listPets", {})).next).toBeNull();
  });
});

describe("A token of the connection's own", () => {
  const auth = {
    type: "client_credentials",
    token_url: "https://login.pets.example/token",
    client_id: "gate house",
    scopes: ["read"] as string[],
  } as const;

  /** Gives tokens t1, t2 …; the API takes those that `isGood` names. */
  function serveTokens(isGood: (token: string) => boolean): void {
    let given = 0;
    serve(({ url, headers }) => {
      if (url === auth.token_url) {
        given += 1;
        return json({ access_token: `t${given}`, expires_in: 3_600 });
      }
      const token = (headers.authorization ?? "").replace("Bearer ", "");
      return isGood(token) ? json([]) : json({ message: "expired" }, 401);
    });
  }

  it("is asked for once by calls at the same moment, and kept", async () => {
    memory.clear();
    serveTokens(() => true);
    await Promise.all(Array.from({ length: 8 }, () => call("listPets", {}, { auth })));
    await call("listPets", {}, { auth });
    const asked = seen.filter(({ url }) => url === auth.token_url);
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({
      body: "grant_type=client_credentials&scope=read",
      headers: { authorization: `Basic ${btoa("gate+house:s3cret")}` },
    });
    expect(
      seen
        .filter(({ url }) => url !== auth.token_url)
        .every(({ headers }) => headers.authorization === "Bearer t1"),
    ).toBe(true);
  });

  it("is renewed once for all calls when the other system refuses it", async () => {
    memory.clear();
    serveTokens((token) => token === "t2");
    await Promise.all(Array.from({ length: 5 }, () => call("listPets", {}, { auth })));
    expect(seen.filter(({ url }) => url === auth.token_url)).toHaveLength(2);
  });

  it("that is refused again is a wrong credential", async () => {
    memory.clear();
    serveTokens(() => false);
    expect(await refusal(call("listPets", {}, { auth }))).toMatchObject({
      message: "Pets refuses the account of this connection.",
    });
    expect(seen.filter(({ url }) => url !== auth.token_url)).toHaveLength(2);
  });

  it("comes for a signed assertion, also from a Google key file", async () => {
    memory.clear();
    serveTokens(() => true);
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const file = JSON.stringify({
      private_key: pem,
      client_email: "gate@project.example",
      private_key_id: "k1",
    });
    const bearer = {
      type: "jwt_bearer",
      token_url: auth.token_url,
      scopes: ["drive"] as string[],
      subject: "ada@example.com",
    } as const;
    await call("listPets", {}, { auth: bearer }, file);
    const form = new URLSearchParams(seen[0]?.body);
    expect(form.get("grant_type")).toBe("urn:ietf:params:oauth:grant-type:jwt-bearer");
    const [header, claims] = (form.get("assertion") ?? "")
      .split(".")
      .slice(0, 2)
      .map((part) => JSON.parse(Buffer.from(part, "base64url").toString()) as Record<string, unknown>);
    expect(header).toEqual({ alg: "RS256", typ: "JWT", kid: "k1" });
    expect(claims).toMatchObject({
      iss: "gate@project.example",
      sub: "ada@example.com",
      aud: auth.token_url,
      scope: "drive",
    });
    expect(seen[1]?.headers.authorization).toBe("Bearer t1");
    expect(JSON.stringify(seen)).not.toContain("PRIVATE KEY");
  });

  it("needs a key that is one", async () => {
    memory.clear();
    serveTokens(() => true);
    const bearer = { type: "jwt_bearer", token_url: auth.token_url, issuer: "x" } as const;
    expect(await refusal(call("listPets", {}, { auth: bearer }, "no key"))).toMatchObject({
      message: "The secret of Pets is no private key.",
    });
  });
});

/** Credentials for tokens of the connection itself. */
const OWN_TOKEN = {
  type: "client_credentials",
  client_id: "ada",
  token_url: "https://api.pets.example/token",
  credentials_in: "header",
} as const;

it("An account goes on when its token endpoint has too many requests, whatever word it says", async () => {
  const busy = await readLikeStandard(Response.json({ error: "token_expired" }, { status: 429 }));
  expect([busy.status, await busy.json()]).toEqual([429, { error: "token_expired" }]);
  const ended = await readLikeStandard(Response.json({ error: "token_expired" }));
  expect([ended.status, await ended.json()]).toEqual([400, { error: "invalid_grant" }]);
});

it("A token endpoint is read no further than a token is long", async () => {
  let read = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      read += 1;
      if (read > 100) return controller.close();
      controller.enqueue(new Uint8Array(100_000).fill(32));
    },
  });
  serve(() => new Response(endless, { headers: { "content-type": "application/json" } }));
  await expect(call("listPets", {}, { auth: OWN_TOKEN })).rejects.toThrow("refuses the account");
  expect(read).toBeLessThan(10);
});

it("A token endpoint that has too many requests does not refuse the account", async () => {
  memory.clear();
  serve(() => new Response(null, { status: 429, headers: { "retry-after": "7" } }));
  expect(await refusal(call("listPets", {}, { auth: OWN_TOKEN }))).toMatchObject({
    message: "Pets allows no more calls now; call again in 7 seconds.",
    retryAfter: 7,
    sent: false,
  });
});

it.each(["t1\r\nX-Admin: yes", "t1\u2028", "", 7, null])(
  "A token that no header can have is none: %j",
  async (access_token) => {
    memory.clear();
    serve(() => json({ access_token, expires_in: 60 }));
    expect((await refusal(call("listPets", {}, { auth: OWN_TOKEN })))?.message).toContain(
      "refuses the account",
    );
    expect(seen).toHaveLength(1);
  },
);
