import { createHash } from "node:crypto";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, it } from "vitest";
import { DEMO_PASSWORD, seedPeople } from "../../scripts/seed/people.ts";
import { canonicalize, digestText } from "../../shared/encoding/canonical-json.ts";
import type { JsonValue } from "../../shared/encoding/json.ts";
import { splitStatements } from "../../shared/encoding/split-statements.ts";
import { addLink } from "../../shared/people/password-links.ts";
import { addTeam, addTeamMember } from "../../shared/people/teams.ts";
import { putInForce } from "../../shared/policy/changes/publications.ts";
import bundled from "../../shared/policy/policy.json" with { type: "json" };
import { policyDocument } from "../../shared/policy/schema.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { showCode } from "../support/totp.ts";
import { seedInvited } from "./invited.ts";
import { measurePage } from "./measure-page.ts";
import { arriveAt, openBrowser, signIn } from "./walk.ts";

const TEAM = { id: "night-jobs", name: "Night jobs of the finance department" };
const RESET = "d4".repeat(32);
const CALLBACK = "http://127.0.0.1:1/callback";

let browser: Browser;
let gateway: GatewayProcess;
/** Browsers that are signed in, by role. */
const signedIn = new Map<string, BrowserContext>();

beforeAll(async () => {
  gateway = await startGateway({ vars: { SSO_CORP_SECRET: "tests" }, seed });
  browser = await openBrowser();
});

afterAll(async () => {
  await Promise.all([browser?.close(), gateway?.stop()]);
});

/** The demonstration people, a team, links, and a policy with single sign-on next to passwords. */
async function seed({ PLATFORM_DB: database }: Env): Promise<void> {
  await seedPeople(database, { asOf: new Date(), report: () => {} });
  await seedInvited(database);
  const rules = { roles: [{ role: "viewer", when: { groups: ["staff"] } }] };
  const sign_in = {
    contact: "Grace Hopper (grace@corp.example)",
    providers: {
      // An issuer that does not answer.
      corp: { kind: "oidc", title: "Corp", issuer: "https://127.0.0.1", client_id: "g", ...rules },
      team: { kind: "access", title: "Corp Access", team: "https://127.0.0.2", audience: "aud", ...rules },
    },
  };
  const policy = policyDocument.parse({ ...structuredClone(bundled), sign_in });
  const document = canonicalize(policy as unknown as JsonValue);
  const published = {
    after: 0,
    replaced: 1,
    version: 2,
    digest: digestText(document),
    by: "tests",
    note: "",
  };
  const link = { digest: digestText(RESET), kind: "reset", by: "tests", at: Date.now() } as const;
  const sql = [
    putInForce({ ...published, at: Date.now() }, document),
    addTeam({ ...TEAM, role: "sales", group: null, at: new Date() }),
    addTeamMember(TEAM.id, "demo-sales"),
    addLink("demo-editor", link),
  ];
  await database.batch(splitStatements(sql.join("\n")).map((statement) => database.prepare(statement)));
}

/** A page of a browser in which a person of this role is signed in; without one, of a new browser. */
async function openAs(role: string | null): Promise<Page> {
  const known = role === null ? undefined : signedIn.get(role);
  if (known !== undefined) return await known.newPage();
  // Script is on for the measurements only; the pages have none, and their policy would not run it.
  const context = await browser.newContext({ baseURL: gateway.url, reducedMotion: "reduce" });
  const page = await context.newPage();
  if (role === null) return page;
  signedIn.set(role, context);
  await page.goto("/sign-in");
  await signIn(page, role);
  await arriveAt(page, /./);
  return page;
}

/** Connects apps with this person's browser by the form of the consent page, without drawing it. */
async function connectApps(page: Page, names: readonly string[]): Promise<void> {
  const rest = [...names];
  const connectNext = async () => {
    for (let name = rest.shift(); name !== undefined; name = rest.shift()) await connectApp(page, name);
  };
  await Promise.all(Array.from({ length: 4 }, connectNext));
}

async function connectApp(page: Page, client_name: string): Promise<void> {
  const { request } = page.context();
  const registered = await request.post("/oauth/register", {
    data: { client_name, redirect_uris: [CALLBACK], token_endpoint_auth_method: "none" },
  });
  const { client_id } = (await registered.json()) as { client_id: string };
  const path = authorizePath(client_id);
  const html = await (await request.get(path)).text();
  const fields = [...html.matchAll(/<input type="(?:hidden|checkbox)" name="([^"]+)" value="([^"]*)"/g)];
  const form = new URLSearchParams(fields.map(([, name = "", value = ""]) => [name, value]));
  form.set("decision", "allow");
  const allowed = await request.post(path, {
    headers: { "content-type": "application/x-www-form-urlencoded", origin: gateway.url },
    data: form.toString(),
    maxRedirects: 0,
  });
  const code = new URL(allowed.headers().location ?? gateway.url).searchParams.get("code") ?? "";
  const token = await request.post("/oauth/token", {
    form: {
      grant_type: "authorization_code",
      code,
      client_id,
      redirect_uri: CALLBACK,
      code_verifier: VERIFIER,
    },
    headers: { "user-agent": `${client_name}/1.0` },
  });
  if (!token.ok()) throw new Error(`${client_name}: ${token.status()} ${await token.text()}`);
}

const VERIFIER = "v".repeat(64);

function authorizePath(clientId: string): string {
  return `/authorize?${new URLSearchParams({
    ...{ response_type: "code", client_id: clientId, redirect_uri: CALLBACK, state: "s" },
    ...{ resource: `${gateway.url}/mcp/crm`, code_challenge_method: "S256" },
    code_challenge: createHash("sha256").update(VERIFIER).digest("base64url"),
  })}`;
}

const manyApps = Array.from({ length: 57 }, (_, index) => `Assistant number ${index + 1}`);

type Visit = readonly [name: string, role: string | null, visit: (page: Page) => Promise<unknown>];

const click = (page: Page, name: string) => page.getByRole("button", { name, exact: true }).click();

async function uploadPeople(page: Page, rows: readonly string[]): Promise<void> {
  await page.goto("/console/people/import");
  const buffer = Buffer.from(`email,name,role\n${rows.join("\n")}\n`);
  await page.getByLabel("File").setInputFiles({ name: "people.csv", mimeType: "text/csv", buffer });
  await click(page, "Check the file");
}

/** Pages about people in the order in which one person after the other meets them. */
const VISITS: readonly Visit[] = [
  ["sign-in", null, (page) => page.goto("/sign-in")],
  [
    "sign-in-wrong",
    null,
    async (page) => {
      await page.goto("/sign-in");
      await signIn(page, "nobody", "wrong");
    },
  ],
  ["passkey-use", null, (page) => page.goto("/sign-in/passkey")],
  ["issuer-away", null, (page) => page.goto("/sign-in/with/corp")],
  ["access-refused", null, (page) => page.goto("/sign-in/with/team")],
  ["link-ended", null, (page) => page.goto(`/password?link=${"0".repeat(64)}`)],
  ["reset", null, (page) => page.goto(`/password?link=${RESET}`)],
  [
    "reset-too-short",
    null,
    async (page) => {
      await page.goto(`/password?link=${RESET}`);
      await page
        .getByLabel("New password")
        .evaluate((field) =>
          (field as unknown as { removeAttribute(name: string): void }).removeAttribute("minlength"),
        );
      await page.getByLabel("New password").fill("short");
      await click(page, "Set password");
    },
  ],
  ["account-none", "viewer", (page) => page.goto("/account")],
  [
    "consent",
    "viewer",
    async (page) => {
      const made = await page.context().request.post("/oauth/register", {
        data: {
          client_name: "Desk Assistant",
          redirect_uris: [CALLBACK],
          token_endpoint_auth_method: "none",
        },
      });
      await page.goto(authorizePath(((await made.json()) as { client_id: string }).client_id));
      await arriveAt(page, /^Allow/);
    },
  ],
  [
    "account-3-apps",
    "viewer",
    async (page) => {
      await connectApps(page, ["Desk Assistant", "Desk Assistant", "Phone"]);
      await page.goto("/account");
    },
  ],
  [
    "account-60-apps",
    "viewer",
    async (page) => {
      await connectApps(page, manyApps);
      await page.goto("/account");
      await page.getByText("Page 1 of 4, 60 apps.").waitFor();
    },
  ],
  ["account-search", "viewer", (page) => page.goto("/account?q=desk")],
  [
    "account-disconnect-all",
    "viewer",
    async (page) => {
      await page.goto("/account");
      await page.getByText("Disconnect all apps").click();
    },
  ],
  [
    "app",
    "viewer",
    async (page) => {
      await page.goto("/account?q=phone");
      await page.getByRole("link", { name: /^Phone/ }).click();
      await arriveAt(page, "Phone");
    },
  ],
  ["app-gone", "viewer", (page) => page.goto("/account/apps/none")],
  ["second-factor", "viewer", (page) => page.goto("/account/second-factor")],
  ["passkeys", "viewer", (page) => page.goto("/account/passkeys")],
  ["keys", "viewer", (page) => page.goto("/account/keys")],
  ["keys-new", "viewer", (page) => page.goto("/account/keys/new")],
  ["service-account-new", "sales", (page) => page.goto(`/account/keys/new?team=${TEAM.id}`)],
  ["subscriptions", "viewer", (page) => page.goto("/account/subscriptions")],
  ["connections", "viewer", (page) => page.goto("/connections")],
  ["console-people", "admin", (page) => page.goto("/console/people")],
  ["console-person", "admin", (page) => page.goto("/console/people/demo-sales")],
  ["console-person-self", "admin", (page) => page.goto("/console/people/demo-admin")],
  ["console-team", "admin", (page) => page.goto(`/console/people/${TEAM.id}`)],
  ["console-invite", "admin", (page) => page.goto("/console/people/invite")],
  [
    "console-invited",
    "admin",
    async (page) => {
      await page.goto("/console/people/invite");
      await page.getByLabel("E-mail address").fill("ida@invite.example");
      await page.getByLabel("Name").fill("Ida Rhodes");
      await page.getByLabel("Your password").fill(DEMO_PASSWORD);
      await click(page, "Invite");
      await page.getByText("This link is shown once").waitFor();
    },
  ],
  [
    "console-reset",
    "admin",
    async (page) => {
      await page.goto("/console/people/demo-auditor");
      await page.getByRole("button", { name: /link/i }).first().scrollIntoViewIfNeeded();
      await page.getByLabel("Your password").first().fill(DEMO_PASSWORD);
      await page.getByRole("button", { name: /link/i }).first().click();
      await arriveAt(page, "Link for another password");
    },
  ],
  ["console-import", "admin", (page) => page.goto("/console/people/import")],
  [
    "console-import-checked",
    "admin",
    (page) => uploadPeople(page, ["a@import.example,Ann,viewer", "b@import.example,Ben,sales"]),
  ],
  [
    "console-import-mistakes",
    "admin",
    (page) => uploadPeople(page, ["a@import.example,Ann,king", "none,None,viewer"]),
  ],
  [
    "console-imported",
    "admin",
    async (page) => {
      await uploadPeople(page, ["a@import.example,Ann,viewer", "b@import.example,Ben,sales"]);
      await page.getByLabel("Your password").fill(DEMO_PASSWORD);
      await click(page, "Add these 2 people");
      await page.getByText("2 people are added").waitFor();
    },
  ],
  ["console-refused", "viewer", (page) => page.goto("/console/people")],
  [
    "signed-out",
    "sales",
    async (page) => {
      await page.goto("/account");
      await click(page, "Sign out");
    },
  ],
];

describe("a page about people", () => {
  it.each(VISITS)(
    "%s is readable, fits a phone and can be used by keyboard without script",
    async (name, role, visit) => {
      const page = await openAs(role);
      await visit(page);
      await page.waitForLoadState();
      await measurePage(page, `people-${name}`);
      await (role === null ? page.context() : page).close();
    },
  );

  it("of a second factor is so at each step", async () => {
    const page = await openAs("analyst");
    await page.goto("/account/second-factor");
    await page.getByLabel("Your password").fill(DEMO_PASSWORD);
    await click(page, "Continue");
    await arriveAt(page, "Add Gatehouse to your app");
    await measurePage(page, "people-second-factor-add");
    const secret = (await page.locator("pre.secret").innerText()).replace(/\s/g, "");
    await page.getByLabel("The code that the app shows now").fill(await showCode(secret));
    await page.getByRole("button", { name: "Turn on" }).click();
    await arriveAt(page, "Keep these backup codes");
    await measurePage(page, "people-second-factor-codes");
    const other = await openAs(null);
    await other.goto("/sign-in");
    await signIn(other, "analyst");
    await arriveAt(other, "Enter your second factor");
    await measurePage(other, "people-second-factor-code");
  });

  it("of a key is so when it is made, shown once and rotated", async () => {
    const page = await openAs("editor");
    await page.goto("/account/keys/new");
    await page.getByLabel("Name of the agent or job").fill("Nightly report");
    await page.getByLabel("Your password").fill(DEMO_PASSWORD);
    await page.getByRole("button", { name: /make|create/i }).click();
    await page.locator("pre.secret").first().waitFor();
    await measurePage(page, "people-key-shown");
    await page.goto("/account/keys");
    await page.getByRole("link", { name: /Nightly report/ }).click();
    await arriveAt(page, /./);
    await measurePage(page, "people-key");
  });
});
