import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Forgery } from "../support/hostile-issuer.ts";
import { PASSWORD, signIn, TestBrowser } from "../support/oauth.ts";
import { enrol } from "../support/second-factor.ts";
import {
  begin,
  CORP,
  HOSTILE,
  ISSUER,
  logIn,
  ROTATING,
  setPerson,
  setSignIn,
  signInWith,
} from "../support/single-sign-on.ts";
import {
  access,
  atEvil,
  comeFromTeam,
  corp,
  EVIL,
  evil,
  hub,
  hubPerson,
  openScene,
  scene,
  setUp,
  TEAM,
  teamClaims,
  whoIs,
} from "./attack-scene.ts";

beforeAll(openScene);
beforeEach(() => setUp());

const now = () => Math.floor(Date.now() / 1_000);

/** What is tried. Each opens no session: the attempt answers `null`. */
const ATTACKS: readonly (readonly [name: string, run: () => Promise<string | null>])[] = [
  // The token of Mallory's issuer.
  ["an ID token without a signature", evil({ alg: "none" })],
  ["an ID token signed with the client's secret", evil({ alg: "HS256" })],
  ["an ID token signed with the public key as secret", evil({ alg: "HS256-public" })],
  ["an ID token signed by a stranger's key", evil({ key: "stranger" })],
  ["an ID token for another client", evil({ claims: { aud: "another-client" } })],
  ["an ID token for two clients without saying who asked", evil({ claims: { aud: ["gatehouse", "other"] } })],
  [
    "an ID token for two clients that the other one asked for",
    evil({ claims: { aud: ["gatehouse", "other"], azp: "other" } }),
  ],
  ["an ID token without an audience", evil({ claims: { aud: null } })],
  ["an ID token that has expired", evil({ claims: { exp: now() - 3_600 } })],
  ["an ID token without an end", evil({ claims: { exp: null } })],
  ["an ID token of tomorrow", evil({ claims: { nbf: now() + 86_400 } })],
  ["an ID token without a nonce", evil({ claims: { nonce: null } })],
  ["an ID token with the nonce of another sign-in", evil({ claims: { nonce: "another" } })],
  ["an ID token without a subject", evil({ claims: { sub: null } })],
  ["an ID token with a number for a subject", evil({ claims: { sub: 1 } })],
  ["an ID token in Corp's name", evil({ claims: { iss: ISSUER, sub: "victor" } })],
  ["an ID token in another tenant's name", evil({ claims: { iss: `${HOSTILE}/other-tenant` } })],
  ["Corp's address as issuer, written with a slash", evil({ claims: { iss: `${ISSUER}/`, sub: "victor" } })],
  ["userinfo about another subject than the ID token", atEvil("informed", { userInfo: { sub: "victor" } })],
  ["a code with the `iss` of another issuer (mix-up)", evil({}, { also: { iss: ISSUER } })],
  ["no `iss` from an issuer that always sends one (mix-up)", atEvil("named", {})],
  // Identities.
  [
    "Victor's verified address, said by Mallory's issuer",
    evil({ claims: { sub: "v", email: "victor@corp.example" } }),
  ],
  ["Victor's address in capitals", evil({ claims: { sub: "v", email: "VICTOR@CORP.EXAMPLE" } })],
  ["Victor's subject at Mallory's issuer", evil({ claims: { sub: "victor", email: "victor@corp.example" } })],
  [
    "Vera's address, whose account has a password",
    () => evil({ claims: { sub: "x", email: scene.vera.email } })(),
  ],
  [
    "an address that is not verified",
    evil({ claims: { sub: "y", email: "y@evil.example", email_verified: false } }),
  ],
  [
    "an address that says «verified» in words",
    evil({ claims: { sub: "z", email: "z@evil.example", email_verified: "yes" } }),
  ],
  ["no address", evil({ claims: { sub: "n", email: null } })],
  ["an address with a line end", evil({ claims: { sub: "l", email: "l@evil.example\r\nBcc: x@y.example" } })],
  ["a group in another spelling", evil({ claims: { sub: "g", groups: ["GATEHOUSE-ADMINS"] } })],
  ["groups as one text", evil({ claims: { sub: "h", groups: "gatehouse-admins,other" } })],
  ["groups as an object", evil({ claims: { sub: "o", groups: { "gatehouse-admins": true } } })],
  [
    "groups through the prototype",
    evil({ claims: { sub: "p", groups: null, __proto__: { groups: ["gatehouse-admins"] } } }),
  ],
  // State and code of Corp.
  ["Victor's callback on Mallory's browser", corp(() => undefined, true)],
  ["a callback with a changed state", corp((back) => back.searchParams.set("state", "x"))],
  ["a callback without a state", corp((back) => back.searchParams.delete("state"))],
  ["a callback with two states", corp((back) => back.searchParams.append("state", "x"))],
  ["a callback with a changed code", corp((back) => back.searchParams.set("code", "x"))],
  ["a callback with an error and a code", corp((back) => back.searchParams.set("error", "access_denied"))],
  [
    "Corp's answer at the callback of Mallory's issuer",
    corp((back) => {
      back.pathname = "/sign-in/with/evil/callback";
    }),
  ],
  [
    "a callback that was used, with the browser's cookies of before",
    async () => {
      const browser = new TestBrowser();
      const back = await logIn(await begin(browser, "corp"), { login: "victor" });
      const before = new Map(browser.cookies);
      await browser.get(back);
      const again = new TestBrowser();
      for (const [name, value] of before) again.cookies.set(name, value);
      await again.get(back);
      return whoIs(again);
    },
  ],
  [
    "the same code with the state of another sign-in",
    async () => {
      const first = new TestBrowser();
      const back = new URL(await logIn(await begin(first, "corp"), { login: "victor" }), env.PUBLIC_URL);
      const browser = new TestBrowser();
      const state = (await begin(browser, "corp")).searchParams.get("state") ?? "";
      back.searchParams.set("state", state);
      await browser.get(`${back.pathname}${back.search}`);
      return whoIs(browser);
    },
  ],
  [
    "a sealed attempt under another attempt's name",
    async () => {
      const browser = new TestBrowser();
      const first = await begin(browser, "corp");
      const [[name] = [""]] = [...browser.cookies];
      const second = new TestBrowser();
      await begin(second, "evil");
      browser.cookies.set(name, [...second.cookies.values()][0] ?? "");
      await browser.get(await logIn(first, { login: "victor" }));
      return whoIs(browser);
    },
  ],
  [
    "an attempt that took an hour",
    async () => {
      const browser = new TestBrowser();
      const back = await logIn(await begin(browser, "corp"), { login: "victor" });
      const real = Date.now;
      Date.now = () => real() + 3_600_000;
      await browser.get(back);
      Date.now = real;
      return whoIs(browser);
    },
  ],
  // GitHub and Cloudflare Access.
  ["a GitHub account of the same name in other letters", hub(hubPerson("Mallory", "m@hub.example"))],
  ["a GitHub account with Vera's address", () => hub(hubPerson("mallory", scene.vera.email))()],
  [
    "a GitHub account with an address that is not verified",
    hub(hubPerson("mallory", "m@hub.example", false)),
  ],
  ["a GitHub account whose answer is no account", hub({ "/user": { login: "mallory" } })],
  ["an Access token for another application", access(teamClaims({ aud: "other" }))],
  ["an Access token of Mallory's own key", access({ ...teamClaims({}), key: "stranger" })],
  ["an Access token without a signature", access({ ...teamClaims({}), alg: "none" })],
  ["an Access token with Vera's address", () => access(teamClaims({ sub: "vv", email: scene.vera.email }))()],
  [
    "an ID token of the same host in place of an Access token",
    access({ claims: { iss: `${HOSTILE}/fine`, aud: "gatehouse" } }),
  ],
  // Passwords and factors.
  [
    "Victor's address with a password",
    async () => {
      const browser = new TestBrowser();
      await browser.post("/sign-in", { email: scene.victor.email, password: PASSWORD });
      return whoIs(browser);
    },
  ],
  [
    "a password where the policy refuses them",
    async () => {
      setSignIn({ password: "refused", providers: { corp: CORP } });
      const browser = new TestBrowser();
      await browser.post("/sign-in", { email: scene.vera.email, password: PASSWORD });
      return whoIs(browser);
    },
  ],
  [
    "single sign-on around a second factor",
    async () => {
      await setPerson("guarded", { email: "guarded@corp.example", groups: ["gatehouse-sales"] });
      const own = new TestBrowser();
      await signInWith(own, { login: "guarded" });
      await enrol(own);
      const browser = new TestBrowser();
      await signInWith(browser, { login: "guarded", code: true });
      return whoIs(browser);
    },
  ],
  [
    "a provider that the policy does not have",
    async () => {
      const browser = new TestBrowser();
      for (const name of ["__proto__", "constructor", "corp%00", "Corp", "corp%2F..%2Fevil"]) {
        await browser.get(`/sign-in/with/${name}`);
        await browser.get(`/sign-in/with/${name}/callback?code=x&state=y`);
      }
      return whoIs(browser);
    },
  ],
];

describe("of two persons and two issuers, one who attacks", () => {
  it.each(ATTACKS)("opens nothing with %s", async (_name, run) => {
    expect(await run()).toBeNull();
  });

  it("comes in as themselves by the same way: the attacks above fail for what they change alone", async () => {
    expect(await evil({ claims: { sub: "honest", email: "honest@evil.example" } })()).toBe(
      "honest@evil.example",
    );
    expect(await atEvil("informed", { userInfo: { sub: "mallory" } })()).toBe("mallory@evil.example");
    expect(await atEvil("named", {}, { iss: `${HOSTILE}/named` })()).toBe("mallory@evil.example");
    expect(await hub(hubPerson("mallory", "m@hub.example"))()).toBe("m@hub.example");
    expect(await access(teamClaims({}))()).toBe("mallory@team.example");
    expect(await corp(() => undefined)()).toBe("victor@corp.example");
  });

  it("is led to no other site by `next`", async () => {
    for (const next of [
      "https://evil.example/",
      "//evil.example",
      "/\\evil.example",
      "/%09/evil.example",
      "javascript:alert(1)",
    ]) {
      const response = await signInWith(
        new TestBrowser(),
        { login: "victor" },
        `next=${encodeURIComponent(next)}`,
      );
      const location = new URL(response.headers.get("Location") ?? "", env.PUBLIC_URL);
      expect(location.origin).toBe(env.PUBLIC_URL);
    }
  });

  it("leaves the session of a signed-in person alone: signing another person in takes a browser of its own", async () => {
    const { victor, vera } = scene;
    expect(await whoIs(victor.browser)).toBe("victor@corp.example");
    expect(await whoIs(await signIn(vera))).toBe(vera.email);
    const roles = await env.PLATFORM_DB.prepare(
      `SELECT "role" FROM "user" WHERE "id" IN (?, ?) ORDER BY "role"`,
    )
      .bind(victor.id, vera.id)
      .all<{ role: string }>();
    expect(roles.results.map(({ role }) => role)).toEqual(["admin", "sales"]);
    expect(ATTACKS.length).toBeGreaterThanOrEqual(40);
  });

  it("starts no more sign-ins than the limit of an address allows", async () => {
    const browser = new TestBrowser();
    browser.headers = { "CF-Connecting-IP": "192.0.2.77" };
    const all = await Promise.all(Array.from({ length: 310 }, () => browser.get("/sign-in/with/none")));
    expect(all.filter(({ status }) => status === 429)).toHaveLength(10);
  });

  it("follows keys that an issuer and a team change, and takes no token of the key before", async () => {
    const later = Date.now() + 120_000;
    const team = { ...TEAM, team: ROTATING };
    setSignIn({ providers: { evil: { ...EVIL, issuer: `${ROTATING}/fine` }, team } });
    const access = async (forgery: Forgery) =>
      comeFromTeam(
        { ...forgery, claims: { ...forgery.claims, iss: ROTATING, sub: "r", email: "r@team.example" } },
        ROTATING,
      );
    expect(await access(teamClaims({}))).toBe("r@team.example");
    await fetch(`${ROTATING}/rotate`, { method: "POST" });
    const real = Date.now;
    Date.now = () => later;
    try {
      const claims = { iat: Math.floor(later / 1_000), exp: Math.floor(later / 1_000) + 300 };
      const second = { key: "second" as const };
      expect(
        await evil({ ...second, claims: { ...claims, sub: "honest", email: "honest@evil.example" } })(),
      ).toBe("honest@evil.example");
      expect(await access({ ...teamClaims(claims), ...second })).toBe("r@team.example");
      expect(await evil({ claims: { ...claims, sub: "honest" } })()).toBeNull();
      expect(await access(teamClaims(claims))).toBeNull();
    } finally {
      Date.now = real;
    }
  });
});
