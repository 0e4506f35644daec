import { env, exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { callsOf } from "../audit/calls.ts";
import { deliver } from "../audit/trail.ts";
import {
  authorize,
  callMcp,
  connect,
  createPerson,
  decide,
  openConsent,
  REDIRECT_URI,
  requestToken,
} from "../support/oauth.ts";

const grantsOn = (html: string) =>
  [...html.matchAll(/href="\/account\/apps\/([^"]+)"/g)].map((match) => match[1] ?? "");

/** Requests tokens as an app on a machine of its own does. */
async function tokensFrom(address: string, agent: string, fields: Record<string, string>) {
  const response = await exports.default.fetch(new URL("/oauth/token", env.PUBLIC_URL), {
    method: "POST",
    headers: { "CF-Connecting-IP": address, "User-Agent": agent },
    body: new URLSearchParams(fields),
  });
  return { status: response.status, body: await response.json<Record<string, string>>() };
}

/** Connects the same app again, on a machine with an address and a name. */
async function connectOn(
  { browser, clientId }: Pick<Awaited<ReturnType<typeof connect>>, "browser" | "clientId">,
  address: string,
  agent: string,
) {
  const pending = await authorize(clientId, { resource: "/mcp/crm" });
  const answer = await decide(browser, pending, await openConsent(browser, pending), "allow");
  const code = new URL(answer.headers.get("Location") ?? "about:blank").searchParams.get("code") ?? "";
  const { body } = await tokensFrom(address, agent, {
    grant_type: "authorization_code",
    code,
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    code_verifier: pending.verifier,
    resource: pending.resource,
  });
  return { accessToken: body.access_token ?? "", refreshToken: body.refresh_token ?? "", clientId };
}

describe("one user and one app on two machines", () => {
  it("keeps both connected, and refreshes both", async () => {
    const person = await createPerson("viewer");
    const first = await connect(person, { resource: "/mcp/crm" });
    const second = await connect(person, { resource: "/mcp/crm", clientId: first.clientId });
    for (const { accessToken, refreshToken, clientId } of [first, second]) {
      expect((await callMcp("/mcp/crm", accessToken)).status).toBe(200);
      const fields = { grant_type: "refresh_token", refresh_token: refreshToken, client_id: clientId };
      expect((await requestToken(fields)).status).toBe(200);
    }
  });

  it("distinguishes them on the account page by first use, last use, address and name", async () => {
    const home = await connect(await createPerson("viewer"), { resource: "/mcp/crm" });
    await connectOn(home, "192.0.2.10", "Laptop/1.0\u0007 (mac)");
    const desk = await connectOn(home, "2001:db8::7", "<b>Desk</b>/2.0");
    const html = await (await home.browser.get("/account")).text();
    expect(grantsOn(html)).toHaveLength(3);
    expect(html).toContain("from 192.0.2.10");
    expect(html).toContain("Laptop/1.0 (mac)");
    expect(html).toContain("from 2001:db8::7");
    expect(html).toContain("&lt;b&gt;Desk&lt;/b&gt;/2.0");
    expect(html.match(/First used <time/g)).toHaveLength(3);
    await tokensFrom("198.51.100.3", "Desk/3.0", {
      grant_type: "refresh_token",
      refresh_token: desk.refreshToken,
      client_id: desk.clientId,
    });
    const later = await (await home.browser.get("/account")).text();
    expect(later).toContain("from 198.51.100.3");
    expect(later).not.toContain("2001:db8::7");
  });

  it("shows calls since the app was connected only, not those of an earlier holder of the account", async () => {
    const person = await createPerson("viewer");
    const { browser, clientId } = await connect(person, { resource: "/mcp/crm" });
    const call = (name: string, at: number) => ({
      ms: 1,
      status: "ok" as const,
      at,
      details: { clientId, name },
    });
    const now = Date.now();
    await deliver(callsOf(person.id, [call("crm_find_contacts", now - 60 * 60_000)]));
    const before = await (await browser.get("/account")).text();
    expect(before).toContain("not used yet");
    expect(before).not.toContain("find_<wbr/>contacts");
    expect(before).not.toContain("crm_find_contacts");
    await env.PLATFORM_DB.prepare("UPDATE call_entry SET at = ?").bind(now).run();
    const after = await (await browser.get("/account")).text();
    expect(after).toMatch(/find_(<wbr\/>)?contacts/);
    expect(after).not.toContain("not used yet");
  });

  it("ends the revoked one, and keeps the other", async () => {
    const person = await createPerson("viewer");
    const first = await connect(person, { resource: "/mcp/crm" });
    const [grant = ""] = grantsOn(await (await first.browser.get("/account")).text());
    const second = await connect(person, { resource: "/mcp/crm", clientId: first.clientId });
    await first.browser.post("/account/revoke", { grant });
    expect((await callMcp("/mcp/crm", first.accessToken)).status).toBe(401);
    expect((await callMcp("/mcp/crm", second.accessToken)).status).toBe(200);
    expect(grantsOn(await (await second.browser.get("/account")).text())).toHaveLength(1);
  });

  it("shows nothing of it to another user of the same app", async () => {
    const first = await connect(await createPerson("viewer"), { resource: "/mcp/crm" });
    await connectOn(first, "192.0.2.77", "Laptop/1.0");
    const other = await connect(await createPerson("viewer"), {
      resource: "/mcp/crm",
      clientId: first.clientId,
    });
    const html = await (await other.browser.get("/account")).text();
    expect(html).not.toContain("192.0.2.77");
    expect(grantsOn(html)).toHaveLength(1);
  });
});
