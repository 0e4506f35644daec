import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import {
  authorize,
  connect,
  createPerson,
  decide,
  exchangeCode,
  openConsent,
  REDIRECT_URI,
  registerClient,
  signIn,
  TestBrowser,
} from "../support/oauth.ts";

async function walkToConsent(
  role: string,
  options: Parameters<typeof authorize>[1] = {},
  name = "Test client",
) {
  const person = await createPerson(role);
  const browser = await signIn(person);
  const pending = await authorize(await registerClient({ client_name: name }), options);
  return { person, browser, pending, form: await openConsent(browser, pending) };
}

const locationOf = (response: Response) => new URL(response.headers.get("Location") ?? "about:blank");

describe("the consent page", () => {
  it("asks for sign-in first and returns to the same request", async () => {
    const person = await createPerson("viewer");
    const browser = new TestBrowser();
    const pending = await authorize(await registerClient(), { resource: "/mcp/crm" });
    const toSignIn = await browser.get(pending.path);
    const next = locationOf(
      new Response(null, {
        headers: { Location: new URL(toSignIn.headers.get("Location") ?? "", env.PUBLIC_URL).href },
      }),
    ).searchParams.get("next");
    expect(next).toBe(pending.path);
    const back = await browser.post("/sign-in", {
      email: person.email,
      password: "a long test password",
      next: next ?? "",
    });
    expect(back.headers.get("Location")).toBe(pending.path);
    expect((await openConsent(browser, pending)).html).toContain("Test client");
  });

  it("shows the client, that its name is not verified, where access goes, its scopes and the signed-in user", async () => {
    const { form, person } = await walkToConsent("viewer", { resource: "/mcp/crm" }, "Acme Assistant");
    expect(form.html).toContain("<q>Acme Assistant</q>");
    expect(form.html).toContain("Not verified");
    expect(form.html).toContain("127.0.0.1:3999");
    expect(form.html).toContain("Access goes to an app on this computer");
    expect(form.html).toContain(`${env.PUBLIC_URL}/mcp/crm`);
    expect(form.html).toContain(person.email);
  });

  it("gives no warning about this computer when access goes to a web address", async () => {
    const browser = await signIn(await createPerson("viewer"));
    const redirect = "https://client.example/callback";
    const clientId = await registerClient({ redirect_uris: [redirect] });
    const pending = await authorize(clientId, { changes: { redirect_uri: redirect } });
    const { html } = await openConsent(browser, pending);
    expect(html).toContain("client.example");
    expect(html).not.toContain("app on this computer");
  });

  it("ticks the baseline when the client requests nothing, and offers the scopes of the role", async () => {
    const { form } = await walkToConsent("sales", { resource: "/mcp/crm" });
    expect(form.ticked).toEqual(["crm:read"]);
    expect(form.offered).toContain("crm:write");
  });

  it("ticks the requested scopes, with the baseline they need", async () => {
    const { form } = await walkToConsent("admin", { resource: "/mcp/crm", scope: "crm:write unknown:scope" });
    expect(form.ticked.sort()).toEqual(["crm:read", "crm:write"]);
  });

  it("offers nothing beyond the role and names the omitted scopes", async () => {
    const { form } = await walkToConsent("viewer", { resource: "/mcp/crm", scope: "crm:read crm:write" });
    expect(form.offered).toEqual(["crm:read"]);
    expect(form.html).toMatch(/also asked for <code>crm:write<\/code>/);
  });

  it("offers only Deny to a user whose role has no scope", async () => {
    const { form } = await walkToConsent("visitor", { resource: "/mcp/crm" });
    expect(form.offered).toEqual([]);
    expect(form.html).not.toContain('value="allow"');
    expect(form.html).toContain('value="deny"');
  });

  it("escapes a client that calls itself a script, and removes characters that reverse text", async () => {
    const { form } = await walkToConsent("viewer", {}, "<script>alert(1)</script>\u202Eevil\u0000");
    expect(form.html).not.toContain("<script");
    expect(form.html).toContain("&lt;script&gt;alert(1)&lt;/script&gt; evil");
    expect(form.html).not.toContain("\u202E");
  });

  it("shortens a name that is too long for the page", async () => {
    const { form } = await walkToConsent("viewer", {}, "n".repeat(1_000));
    expect(form.html).toContain(`${"n".repeat(79)}…`);
    expect(form.html).not.toContain("n".repeat(81));
  });

  it("cannot be framed, runs no script and is not stored", async () => {
    const browser = await signIn(await createPerson("viewer"));
    const { headers } = await browser.get((await authorize(await registerClient())).path);
    const policy = headers.get("Content-Security-Policy") ?? "";
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain("unsafe-inline");
    // Browsers hold form-action against every redirect that follows the form; see security-headers.ts.
    expect(policy).not.toContain("form-action");
    expect(headers.get("X-Frame-Options")).toBe("DENY");
    expect(headers.get("Cache-Control")).toContain("no-store");
  });
});

describe("the decision", () => {
  it("allows: a code goes back with state and issuer", async () => {
    const { browser, pending, form } = await walkToConsent("viewer");
    const response = await decide(browser, pending, form, "allow");
    expect(response.status).toBe(303);
    const location = locationOf(response);
    expect(location.origin + location.pathname).toBe(REDIRECT_URI);
    expect(location.searchParams.get("state")).toBe(pending.state);
    expect(location.searchParams.get("iss")).toBe(env.PUBLIC_URL);
  });

  it("denies: the client is told access_denied, with state and issuer, and no grant exists", async () => {
    const { browser, pending, form } = await walkToConsent("viewer");
    const location = locationOf(await decide(browser, pending, form, "deny"));
    expect(location.searchParams.get("error")).toBe("access_denied");
    expect(location.searchParams.get("state")).toBe(pending.state);
    expect(location.searchParams.get("iss")).toBe(env.PUBLIC_URL);
    expect(location.searchParams.has("code")).toBe(false);
    expect(await (await browser.get("/account")).text()).toContain("No app is connected");
  });

  it("narrows: the token carries only what was ticked", async () => {
    const person = await createPerson("admin");
    const { scope } = await connect(person, {
      resource: "/mcp/crm",
      scope: "crm:read crm:write",
      tick: ["crm:read"],
    });
    expect(scope).toEqual(["crm:read"]);
  });

  it("asks again when nothing is ticked, instead of granting nothing", async () => {
    const { browser, pending, form } = await walkToConsent("viewer", { resource: "/mcp/crm" });
    const response = await decide(browser, pending, form, "allow", []);
    expect(response.status).toBe(422);
    expect(await response.text()).toContain("Tick at least one permission");
  });

  it.each([
    ["beyond the role", "/mcp/crm", "crm:write", 403],
    ["of another server", "/mcp/crm", "knowledge:read", 403],
    ["that no server declares", "/mcp/crm", "root:everything", 400],
  ])("refuses a forged tick %s", async (_case, resource, scope, status) => {
    const { browser, pending, form } = await walkToConsent("viewer", { resource });
    const response = await decide(browser, pending, form, "allow", ["crm:read", scope]);
    expect(response.status).toBe(status);
    expect(response.headers.get("Location")).toBeNull();
  });

  it("applies the role as it is now, not as it was when the page was opened", async () => {
    const { person, browser, pending, form } = await walkToConsent("sales", { resource: "/mcp/crm" });
    await env.PLATFORM_DB.prepare(`UPDATE "user" SET "role" = 'viewer' WHERE "id" = ?`).bind(person.id).run();
    expect((await decide(browser, pending, form, "allow", ["crm:read", "crm:write"])).status).toBe(403);
  });

  it("works once: the same form a second time gives no second code", async () => {
    const { browser, pending, form } = await walkToConsent("viewer");
    const cookies = new Map(browser.cookies);
    expect((await decide(browser, pending, form, "allow")).status).toBe(303);
    for (const [name, value] of cookies) browser.cookies.set(name, value);
    expect((await decide(browser, pending, form, "allow")).status).toBe(400);
  });

  it("belongs to the browser that opened the page", async () => {
    const { person, pending, form } = await walkToConsent("viewer");
    const other = await signIn(person);
    expect((await decide(other, pending, form, "allow")).status).toBe(400);
  });

  it("is refused when another user has signed in on this browser meanwhile", async () => {
    const { browser, pending, form } = await walkToConsent("viewer");
    const other = await signIn(await createPerson("admin"));
    browser.cookies.set("gatehouse-session", other.cookies.get("gatehouse-session") ?? "");
    const response = await decide(browser, pending, form, "allow");
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("Another person signed in");
  });

  it("cannot be sent by another site", async () => {
    const { browser, pending, form } = await walkToConsent("viewer");
    browser.headers = { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" };
    expect((await decide(browser, pending, form, "allow")).status).toBe(403);
  });
});

describe("a bad authorization request", () => {
  it.each([
    ["an unknown client", { client_id: "nobody" }],
    ["a redirect address that is not registered", { redirect_uri: "https://evil.example/callback" }],
    ["no redirect address", { redirect_uri: undefined }],
  ])("with %s is explained here and never redirected", async (_case, changes) => {
    const browser = await signIn(await createPerson("viewer"));
    const pending = await authorize(await registerClient(), { changes });
    const response = await browser.get(pending.path);
    expect(response.status).toBe(400);
    expect(response.headers.get("Location")).toBeNull();
    expect(await response.text()).toContain("This app cannot be connected");
  });

  it.each([
    ["without PKCE", { code_challenge: undefined, code_challenge_method: undefined }, "invalid_request"],
    ["with plain PKCE", { code_challenge_method: "plain" }, "invalid_request"],
    ["for a token instead of a code", { response_type: "token" }, "unsupported_response_type"],
    ["for a resource that is not here", { resource: "https://elsewhere.example/mcp" }, "invalid_target"],
  ])("%s goes back to the client as an error", async (_case, changes, error) => {
    const browser = await signIn(await createPerson("viewer"));
    const pending = await authorize(await registerClient(), { changes });
    const location = locationOf(await browser.get(pending.path));
    expect(location.searchParams.get("error")).toBe(error);
    expect(location.searchParams.get("state")).toBe(pending.state);
  });

  it("without PKCE is refused for a client with a secret too", async () => {
    const browser = await signIn(await createPerson("viewer"));
    const clientId = await registerClient({ token_endpoint_auth_method: "client_secret_basic" });
    const changes = { code_challenge: undefined, code_challenge_method: undefined };
    const location = locationOf(await browser.get((await authorize(clientId, { changes })).path));
    expect(location.searchParams.get("error")).toBe("invalid_request");
  });

  it("without a resource gives a token for the URL of all servers", async () => {
    const browser = await signIn(await createPerson("viewer"));
    const pending = await authorize(await registerClient(), { changes: { resource: undefined } });
    const form = await openConsent(browser, pending);
    const location = locationOf(await decide(browser, pending, form, "allow"));
    const { body } = await exchangeCode(pending, location.searchParams.get("code") ?? "");
    expect(body.resource).toBe(`${env.PUBLIC_URL}/mcp`);
  });
});
