import { env } from "cloudflare:workers";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { TestBrowser } from "../support/oauth.ts";
import { CORP, setPerson, setSignIn, signInWith } from "../support/single-sign-on.ts";

beforeEach(() => setSignIn({ providers: { corp: CORP } }));
afterAll(() => setSignIn({}));

describe("a person with a passkey alone, of whose factor the issuer says nothing", () => {
  it("gives it here before any page of theirs opens", async () => {
    await setPerson("keyed", { email: "keyed@corp.example", groups: ["gatehouse-admins"] });
    await signInWith(new TestBrowser(), { login: "keyed" });
    await env.PLATFORM_DB.prepare(
      `INSERT INTO passkey (id, user_id, name, public_key, counter, transports, created_at)
       SELECT 'keyed', "id", 'Key', 'x', 0, '[]', 1 FROM "user" WHERE "email" = 'keyed@corp.example'`,
    ).run();
    const browser = new TestBrowser();
    await signInWith(browser, { login: "keyed" });
    for (const page of ["/account", "/connections", "/console/people"]) {
      expect((await browser.get(page)).headers.get("Location")).toMatch(/^\/sign-in\/code\?next=/);
    }
  });
});
