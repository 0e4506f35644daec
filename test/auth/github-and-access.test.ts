import { beforeEach, describe, expect, it } from "vitest";
import { forge } from "../support/hostile-issuer.ts";
import { authorize, decide, openConsent, registerClient, TestBrowser } from "../support/oauth.ts";
import { setSecondFactor } from "../support/policy.ts";
import { enrol } from "../support/second-factor.ts";
import { begin, CORP, findPerson, HOSTILE, setSignIn, signToken } from "../support/single-sign-on.ts";

const account = async (browser: TestBrowser) => (await browser.get("/account")).text();

beforeEach(() => {
  setSignIn({ providers: { corp: CORP } });
  setSecondFactor("sales", {});
});

describe("GitHub", () => {
  const HUB = {
    kind: "github" as const,
    title: "GitHub",
    client_id: "gatehouse",
    url: HOSTILE,
    roles: [
      { role: "admin", when: { teams: ["corp/platform"] } },
      { role: "viewer", when: { orgs: ["corp"] } },
    ],
  };
  const github = (changes: Record<string, unknown> = {}) => ({
    "/user": { id: 42, login: "octo", name: "Octo Cat" },
    "/user/emails": [{ email: "octo@hub.example", primary: true, verified: true }],
    "/user/memberships/orgs": [{ state: "active", organization: { login: "corp" } }],
    "/user/teams": [],
    ...changes,
  });
  const come = async (answers: Record<string, unknown>) => {
    const browser = new TestBrowser();
    const at = await begin(browser, "hub");
    const code = forge({ github: answers });
    return browser.get(
      `/sign-in/with/hub/callback?${new URLSearchParams({ code, state: at.searchParams.get("state") ?? "" })}`,
    );
  };

  beforeEach(() => setSignIn({ providers: { hub: HUB } }));

  it("signs a member of an organization in through its own flow, and follows teams", async () => {
    expect((await come(github())).status).toBe(303);
    expect(await findPerson("octo@hub.example")).toMatchObject({ role: "viewer", name: "Octo Cat" });
    await come(github({ "/user/teams": [{ slug: "platform", organization: { login: "corp" } }] }));
    expect(await findPerson("octo@hub.example")).toMatchObject({ role: "admin" });
  });

  it.each([
    [
      "of another organization",
      { "/user/memberships/orgs": [{ state: "active", organization: { login: "other" } }] },
    ],
    [
      "who was only invited",
      { "/user/memberships/orgs": [{ state: "pending", organization: { login: "corp" } }] },
    ],
    [
      "with an address that is not verified",
      {
        "/user": { id: 43, login: "x" },
        "/user/emails": [{ email: "x@hub.example", primary: true, verified: false }],
      },
    ],
  ])("keeps a person out %s", async (_who, changes) => {
    expect((await come(github({ "/user": { id: 44, login: "x" }, ...changes }))).status).toBe(403);
  });
});

describe("Cloudflare Access", () => {
  const TEAM = {
    kind: "access" as const,
    title: "Corp Access",
    team: HOSTILE,
    audience: "aud-of-gatehouse",
    roles: [{ role: "sales", when: { "custom.groups": ["sales"] } }],
    mfa: { amr: ["mfa"] },
  };
  const claims = (changes: Record<string, unknown> = {}) => ({
    iss: HOSTILE,
    aud: ["aud-of-gatehouse"],
    sub: "a-1",
    email: `${changes.sub ?? "access"}@corp.example`,
    custom: { groups: ["sales"] },
    ...changes,
  });
  const come = async (token: string) => {
    const browser = new TestBrowser();
    browser.headers = token === "" ? {} : { "Cf-Access-Jwt-Assertion": token };
    const response = await browser.get("/sign-in/with/team?next=%2Faccount");
    browser.headers = {};
    return { browser, response };
  };

  beforeEach(() => setSignIn({ password: "refused", providers: { team: TEAM } }));

  it("signs in the person of its header by the same rules, through consent to a grant, without any password", async () => {
    const { browser, response } = await come(await signToken({ claims: claims() }));
    expect(response.status).toBe(303);
    expect(await account(browser)).toContain("access@corp.example");
    const pending = await authorize(await registerClient());
    const answer = await decide(browser, pending, await openConsent(browser, pending), "allow");
    expect(answer.headers.get("Location")).toContain("code=");
    const out = await (await browser.post("/sign-out", {})).text();
    expect(out).toContain(`${HOSTILE}/cdn-cgi/access/logout`);
  });

  it.each<[string, Record<string, unknown>]>([
    ["of another application", { claims: claims({ aud: ["another"] }) }],
    ["of another team", { claims: claims({ iss: "https://other.cloudflareaccess.com" }) }],
    ["that has ended", { claims: claims({ exp: 1_000 }) }],
    ["without an end", { claims: claims({ exp: null }) }],
    ["that is not signed", { alg: "none", claims: claims() }],
    ["that is signed with the public key as a secret", { alg: "HS256-public", claims: claims() }],
    ["that a stranger signed", { key: "stranger", claims: claims() }],
    ["of a service", { claims: claims({ sub: "", common_name: "service" }) }],
    ["of a person without a group", { claims: claims({ sub: "a-2", custom: { groups: [] } }) }],
    ["with an address that is none", { claims: claims({ sub: "a-3", email: "x" }) }],
  ])("opens nothing for a token %s", async (_which, forgery) => {
    const { browser, response } = await come(await signToken(forgery));
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect((await browser.get("/account")).status).toBe(303);
  });

  it("gives a factor that counts, and is never fresh: who needs a fresh one sets it up here", async () => {
    const iat = Math.floor(Date.now() / 1_000);
    const { browser } = await come(await signToken({ claims: claims({ sub: "m-1", amr: ["mfa"], iat }) }));
    setSecondFactor("sales", { required: true });
    const pending = await authorize(await registerClient());
    expect((await browser.get(pending.path)).status).toBe(200);
    setSecondFactor("sales", { required: true, fresh: { tools: ["crm_*"], minutes: 60 } });
    const next = encodeURIComponent(pending.path);
    const answer = await browser.get(pending.path);
    expect(answer.headers.get("Location")).toBe(`/account/second-factor?next=${next}`);
    expect((await browser.get(`/account/second-factor?next=${next}`)).status).toBe(200);
    await enrol(browser);
    expect((await browser.get(pending.path)).status).toBe(200);
  });

  it("neither makes nor moves nor keeps an account in a domain of another provider", async () => {
    const both = { providers: { team: TEAM, corp: CORP } };
    const enter = async (sub: string, email: string) =>
      (await come(await signToken({ claims: claims({ sub, email }) }))).response.status;
    setSignIn(both);
    expect(await enter("f-1", "made@corp.example")).toBe(403);
    expect(await findPerson("made@corp.example")).toBeNull();
    expect(await enter("f-2", "moved@team.example")).toBe(303);
    expect(await enter("f-2", "moved@corp.example")).toBe(303);
    expect(await findPerson("moved@corp.example")).toBeNull();
    expect(await findPerson("moved@team.example")).toMatchObject({ role: "sales" });
    setSignIn({ providers: { team: TEAM } });
    expect(await enter("f-3", "kept@corp.example")).toBe(303);
    setSignIn(both);
    expect(await enter("f-3", "kept@corp.example")).toBe(403);
    expect(await enter("f-3", "kept@team.example")).toBe(403);
    expect(await findPerson("kept@corp.example")).toMatchObject({ role: "sales" });
  });

  it("opens nothing without the header, or with one of a megabyte's kind", async () => {
    expect((await come("")).response.status).toBe(400);
    expect((await come("x".repeat(20_000))).response.status).toBe(400);
  });
});
