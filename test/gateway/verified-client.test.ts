import { afterEach, describe, expect, it, vi } from "vitest";
import {
  authorize,
  createPerson,
  decide,
  exchangeCode,
  openConsent,
  REDIRECT_URI,
  signIn,
} from "../support/oauth.ts";

const CLIENT_ID = "https://client.example/oauth/metadata.json";

/** Returns this for the client's metadata document (CIMD); no other internet address is reachable. */
function publish(document: unknown, status = 200) {
  return vi.spyOn(globalThis, "fetch").mockImplementation(async (input) => {
    const url = input instanceof Request ? input.url : String(input);
    if (url !== CLIENT_ID) throw new Error(`Unexpected request to ${url}`);
    return Response.json(document, { status });
  });
}

const DOCUMENT = {
  client_id: CLIENT_ID,
  client_name: "Example Assistant",
  redirect_uris: [REDIRECT_URI],
  token_endpoint_auth_method: "none",
};

afterEach(() => {
  vi.restoreAllMocks();
});

describe("a client with a metadata document (CIMD)", () => {
  it("is shown with its domain as verified, and gets a token", async () => {
    publish(DOCUMENT);
    const browser = await signIn(await createPerson("viewer"));
    const pending = await authorize(CLIENT_ID, { resource: "/mcp/crm" });
    const form = await openConsent(browser, pending);
    expect(form.html).toContain("<strong>client.example</strong>");
    expect(form.html).toContain("Verified domain");
    expect(form.html).not.toContain("Not verified");
    const answer = await decide(browser, pending, form, "allow");
    const code = new URL(answer.headers.get("Location") ?? "").searchParams.get("code") ?? "";
    expect((await exchangeCode(pending, code)).body.scope).toBe("crm:read");
    expect(await (await browser.get("/account")).text()).toContain("client.example");
  });

  it.each([
    ["is missing", {}, 404],
    ["names another client", { ...DOCUMENT, client_id: "https://other.example/metadata.json" }, 200],
  ])("is refused here when the description %s", async (_case, document, status) => {
    publish(document, status);
    const browser = await signIn(await createPerson("viewer"));
    const changes = { client_id: CLIENT_ID };
    const response = await browser.get((await authorize(CLIENT_ID, { changes })).path);
    expect(response.status).toBe(400);
    expect(response.headers.get("Location")).toBeNull();
  });
});
