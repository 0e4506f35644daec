import { env } from "cloudflare:workers";
import { type Forgery, forge } from "../support/hostile-issuer.ts";
import { createPerson, TestBrowser, type TestPerson } from "../support/oauth.ts";
import {
  begin,
  CORP,
  HOSTILE,
  logIn,
  setPerson,
  setSignIn,
  signInWith,
  signToken,
} from "../support/single-sign-on.ts";

/** An issuer that Mallory runs; its people may be viewers, and its rules trust its groups. */
export const EVIL = {
  kind: "oidc" as const,
  title: "Evil",
  client_id: "gatehouse",
  domains: ["evil.example"],
  roles: [{ role: "viewer", when: { groups: ["gatehouse-admins"] } }],
};
const HUB = {
  kind: "github" as const,
  title: "Hub",
  client_id: "gatehouse",
  // GitHub's double is another host name of the same machine: one issuer is one provider.
  url: HOSTILE.replace("127.0.0.1", "localhost"),
  roles: [{ role: "viewer", when: { login: ["mallory"] } }],
};
export const TEAM = {
  kind: "access" as const,
  title: "Team",
  team: HOSTILE,
  audience: "aud-of-gatehouse",
  roles: [{ role: "viewer", when: { email_domain: ["team.example"] } }],
};

/** Everyone that an attack may use. Victor signs in at Corp; Vera has a password; Mallory has both accounts. */
interface Scene {
  victor: { email: string; browser: TestBrowser; id: string };
  vera: TestPerson;
  mallory: TestPerson;
}

export const scene = {} as Scene;

/** Lets Victor sign in, and makes the accounts. */
export async function openScene(): Promise<void> {
  setSignIn({ providers: { corp: CORP } });
  await setPerson("victor", { email: "victor@corp.example", name: "Victor", groups: ["gatehouse-sales"] });
  const browser = new TestBrowser();
  await signInWith(browser, { login: "victor" });
  const found = await env.PLATFORM_DB.prepare(
    `SELECT "id" FROM "user" WHERE "email" = 'victor@corp.example'`,
  ).first<{ id: string }>();
  const victor = { email: "victor@corp.example", browser, id: found?.id ?? "" };
  Object.assign(scene, {
    victor,
    vera: await createPerson("admin", "Vera"),
    mallory: await createPerson("viewer", "Mallory"),
  });
}

/** Puts the providers in force. */
export function setUp(name = "fine", evil: object = {}): void {
  setSignIn({
    providers: { corp: CORP, evil: { ...EVIL, issuer: `${HOSTILE}/${name}`, ...evil }, hub: HUB, team: TEAM },
  });
}

/** Comes back from Mallory's issuer with what it forges. `also` changes the address of the callback. */
async function comeFromEvil(
  forgery: Forgery,
  { also = {}, browser = new TestBrowser() }: { also?: Record<string, string>; browser?: TestBrowser } = {},
): Promise<TestBrowser> {
  const at = await begin(browser, "evil");
  const nonce = at.searchParams.get("nonce") ?? "";
  const state = at.searchParams.get("state") ?? "";
  const query = new URLSearchParams({ code: forge({ nonce, ...forgery }), state, ...also });
  await browser.get(`/sign-in/with/evil/callback?${query}`);
  return browser;
}

/** Who is signed in on a browser: the address on the account page, or `null`. */
export async function whoIs(browser: TestBrowser): Promise<string | null> {
  const response = await browser.get("/account");
  if (response.status !== 200) return null;
  const page = await response.text();
  return /<p class="quiet">\s*([^\s<]+@[^\s<]+)/.exec(page)?.[1] ?? "?";
}

/** What Mallory gets from their issuer. */
export const evil = (forgery: Forgery, options?: Parameters<typeof comeFromEvil>[1]) => async () =>
  whoIs(await comeFromEvil(forgery, options));

/** The same at another path of the issuer. */
export const atEvil = (name: string, forgery: Forgery, also?: Record<string, string>) => async () => {
  setUp(name);
  return whoIs(await comeFromEvil(forgery, also && { also }));
};

/** Comes with a token of Access. */
export async function comeFromTeam(forgery: Forgery, host = HOSTILE): Promise<string | null> {
  const browser = new TestBrowser();
  browser.headers = { "Cf-Access-Jwt-Assertion": await signToken(forgery, host) };
  await browser.get("/sign-in/with/team");
  browser.headers = {};
  return whoIs(browser);
}

/** What Mallory gets with a token of Access. */
export const access = (forgery: Forgery) => () => comeFromTeam(forgery);

/** What Mallory gets from GitHub. */
export const hub = (github: Record<string, unknown>) => async () => {
  const browser = new TestBrowser();
  const state = (await begin(browser, "hub")).searchParams.get("state") ?? "";
  await browser.get(`/sign-in/with/hub/callback?${new URLSearchParams({ code: forge({ github }), state })}`);
  return whoIs(browser);
};

/** Answers of GitHub about a person. */
export const hubPerson = (login: string, email: string, verified = true) => ({
  "/user": { id: 7, login },
  "/user/emails": [{ email, primary: true, verified }],
});

/** Claims of a token of Access. */
export const teamClaims = (claims: Record<string, unknown>) => ({
  claims: { iss: HOSTILE, aud: "aud-of-gatehouse", sub: "m", email: "mallory@team.example", ...claims },
});

/** Comes back from Corp after `change` of the address, on `browser` or another one. */
export const corp =
  (change: (back: URL) => void, elsewhere = false) =>
  async () => {
    const browser = new TestBrowser();
    const back = new URL(await logIn(await begin(browser, "corp"), { login: "victor" }), env.PUBLIC_URL);
    change(back);
    const other = elsewhere ? new TestBrowser() : browser;
    await other.get(`${back.pathname}${back.search}`);
    return whoIs(other);
  };
