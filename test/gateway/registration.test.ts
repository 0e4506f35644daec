import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { isAcceptableRedirect } from "../../workers/gateway/oauth/redirects.ts";
import {
  authorize,
  createPerson,
  decide,
  openConsent,
  registerClient,
  requestToken,
  signIn,
  type TestBrowser,
} from "../support/oauth.ts";

const CURSOR = "cursor://anysphere.cursor-mcp/oauth/callback";
const LISTED_BY_CURSOR = [
  CURSOR,
  "https://www.cursor.com/agents/mcp/oauth/callback",
  "http://localhost:8787/callback",
];

async function register(metadata: Record<string, unknown> | string, headers: Record<string, string> = {}) {
  const response = await exports.default.fetch(new URL("/oauth/register", env.PUBLIC_URL), {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: typeof metadata === "string" ? metadata : JSON.stringify(metadata),
  });
  return { response, status: response.status, body: await response.json<Record<string, unknown>>() };
}

let browser: TestBrowser;

beforeAll(async () => {
  browser = await signIn(await createPerson("viewer"));
});

/**
 * Runs the whole flow of a public client with one redirect address; returns the consent page and the target
 * of the code.
 */
async function connectTo(redirect: string, redirects: readonly string[]) {
  const clientId = await registerClient({ redirect_uris: redirects });
  const changes = { redirect_uri: redirect };
  const pending = await authorize(clientId, { resource: "/mcp/crm", changes });
  const form = await openConsent(browser, pending);
  const answer = await decide(browser, pending, form, "allow");
  const location = answer.headers.get("Location") ?? "";
  const { status } = await requestToken({
    grant_type: "authorization_code",
    code: new URL(location).searchParams.get("code") ?? "",
    client_id: clientId,
    redirect_uri: redirect,
    code_verifier: pending.verifier,
    resource: pending.resource,
  });
  return { html: form.html, location, status };
}

describe("optional members of a registration", () => {
  const OPTIONAL = [
    ..."client_uri logo_uri tos_uri policy_uri jwks_uri client_name client_name#de logo_uri#de scope".split(
      " ",
    ),
    ..."contacts grant_types response_types software_id software_version jwks".split(" "),
  ];
  const GOOD = { redirect_uris: ["http://127.0.0.1:3999/callback"], token_endpoint_auth_method: "none" };

  it.each<[string, unknown]>([
    ["empty texts", ""],
    ["blank texts", "  "],
    ["null", null],
    ["empty lists", []],
  ])("may be %s, which counts as missing", async (_name, empty) => {
    const { status, body } = await register({
      ...GOOD,
      ...Object.fromEntries(OPTIONAL.map((name) => [name, empty])),
    });
    expect(status).toBe(201);
    for (const member of OPTIONAL) expect([member, body[member]]).not.toEqual([member, empty]);
  });

  it.each<[string, unknown, string]>([
    ["no address", undefined, "invalid_redirect_uri"],
    ["null for the addresses", null, "invalid_redirect_uri"],
    ["an empty list of addresses", [], "invalid_redirect_uri"],
    ["an address that is no URL", ["callback"], "invalid_redirect_uri"],
    [
      "an address that runs something",
      ["javascript:alert(1)", "https://app.example/cb"],
      "invalid_redirect_uri",
    ],
    ["an address with a fragment", ["https://app.example/cb#x"], "invalid_redirect_uri"],
    ["plain http to another machine", ["http://app.example/cb"], "invalid_redirect_uri"],
  ])("refuses %s with the error code of RFC 7591", async (_name, redirect_uris, code) => {
    const { status, body } = await register({ ...GOOD, redirect_uris });
    expect([status, body.error]).toEqual([400, code]);
    expect(body.error_description).toBeTruthy();
  });

  it("reports every other fault as one of the metadata", async () => {
    for (const fault of [{ grant_types: ["password"] }, { logo_uri: "logo" }, { client_name: "Cut\ud83d" }]) {
      const { status, body } = await register({ ...GOOD, ...fault });
      expect([fault, status, body.error]).toEqual([fault, 400, "invalid_client_metadata"]);
    }
  });

  it("refuses a compressed body with an error, which a page may read", async () => {
    const headers = { "content-encoding": "gzip", origin: "https://app.example" };
    const { status, response } = await register(JSON.stringify(GOOD), headers);
    expect(status).toBe(415);
    expect(response.headers.get("access-control-allow-origin")).toBe("https://app.example");
  });

  it("registers those of several addresses that access can be sent to, and returns them", async () => {
    const redirect_uris = ["http://app.example/cb", "https://app.example/cb", "unknown-app://cb"];
    const { body } = await register({ ...GOOD, redirect_uris });
    expect(body.redirect_uris).toEqual(["https://app.example/cb"]);
  });

  it("advertises exactly the methods of authentication that it registers", async () => {
    const metadata = await exports.default.fetch(
      new URL("/.well-known/oauth-authorization-server", env.PUBLIC_URL),
    );
    const { token_endpoint_auth_methods_supported: methods } = await metadata.json<{
      token_endpoint_auth_methods_supported: string[];
    }>();
    expect(methods).toEqual(["client_secret_basic", "client_secret_post", "none"]);
    for (const token_endpoint_auth_method of methods) {
      expect((await register({ ...GOOD, token_endpoint_auth_method })).status).toBe(201);
    }
  });
});

describe("apps that receive access by a scheme of their own (RFC 8252)", () => {
  it("connects Cursor by its scheme alone, and shows that access goes to an app on this computer", async () => {
    const { html, location, status } = await connectTo(CURSOR, [CURSOR]);
    expect(location).toMatch(/^cursor:\/\/anysphere\.cursor-mcp\/oauth\/callback\?code=/);
    expect(status).toBe(200);
    expect(html).toContain("Access goes to an app on this computer.");
    expect(html).toContain("the app that opens cursor: links");
    expect(html).not.toContain("<strong>anysphere.cursor-mcp</strong>");
  });

  it("connects Cursor by each of the addresses that it registers together", async () => {
    for (const redirect of LISTED_BY_CURSOR) {
      const { location, status } = await connectTo(redirect, LISTED_BY_CURSOR);
      expect([location.startsWith(redirect), status]).toEqual([true, 200]);
    }
  });

  it("accepts a reversed domain as a scheme, with and without slashes", async () => {
    for (const redirect of ["com.example.app:/oauth", "com.example.app://oauth/cb"]) {
      expect((await connectTo(redirect, [redirect])).status).toBe(200);
    }
  });

  it.each([
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "vbscript:x",
    "blob:https://a.example/1",
    "about:blank",
    "mailto:a@b.example",
    "ws://a.example/",
    "ftp://a.example/",
    "ms-msdt:/id",
    "search-ms:query=x",
    "intent://x#Intent;end",
    "view-source:https://a.example",
    "chrome-extension://abc/cb",
    "someapp://cb",
    "https:",
    "https://user:secret@app.example/cb",
    "http://app.example/cb",
    "com.example.app:/cb#x",
    "com.example.app:/c b",
    "",
  ])("never sends access to %s", (redirect) => {
    expect(isAcceptableRedirect(redirect)).toBe(false);
  });

  it("warns the user about an address that is not the app's", async () => {
    const clientId = await registerClient({ redirect_uris: [CURSOR] });
    const refusal = async (redirect_uri: string) =>
      (await browser.get((await authorize(clientId, { changes: { redirect_uri } })).path)).text();
    expect(await refusal("cursor://other/callback")).toContain("an address that is not registered for it");
    expect(await refusal("javascript:alert(1)")).toContain(
      "an address to which Gatehouse never sends access",
    );
    expect(await refusal("http://app.example/cb")).toContain(
      "an address to which Gatehouse never sends access",
    );
  });
});
