import { createHash } from "node:crypto";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { DEMO_PASSWORD, seedPeople } from "../../scripts/seed/people.ts";
import { canonicalize, digestText } from "../../shared/encoding/canonical-json.ts";
import type { JsonValue } from "../../shared/encoding/json.ts";
import { splitStatements } from "../../shared/encoding/split-statements.ts";
import { addTeam, addTeamMember } from "../../shared/people/teams.ts";
import { putInForce } from "../../shared/policy/changes/publications.ts";
import bundled from "../../shared/policy/policy.json" with { type: "json" };
import { policyDocument } from "../../shared/policy/schema.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { seedInvited } from "./invited.ts";
import { arriveAt, openBrowser, signIn, tabTo } from "./walk.ts";

/** The team of the site. */
export const TEAM = { id: "night-jobs", name: "Night jobs of the finance department" };

const CALLBACK = "http://127.0.0.1:1/callback";
const VERIFIER = "v".repeat(64);

/** Who signs in on the site: a role of the demonstration, or an address. */
export type Who = string;

/** A Gatehouse of its own with people, a team and single sign-on, and a browser. */
export class PeopleSite {
  readonly #gateway: GatewayProcess;
  readonly #browser: Browser;
  /** Browsers that are signed in. */
  readonly #signedIn = new Map<Who, BrowserContext>();

  private constructor(gateway: GatewayProcess, browser: Browser) {
    this.#gateway = gateway;
    this.#browser = browser;
  }

  /** @param seedMore - SQL that adds what the pages of a test show */
  static async start(seedMore: string): Promise<PeopleSite> {
    const gateway = await startGateway({
      vars: { SSO_CORP_SECRET: "tests" },
      seed: (env) => seed(env, seedMore),
    });
    return new PeopleSite(gateway, await openBrowser());
  }

  async stop(): Promise<void> {
    await Promise.all([this.#browser.close(), this.#gateway.stop()]);
  }

  /** A page of a browser in which this person is signed in; without one, of a new browser. */
  async openAs(who: Who | null): Promise<Page> {
    const known = who === null ? undefined : this.#signedIn.get(who);
    if (known !== undefined) return await known.newPage();
    // Script is on for the measurements only; the pages have none, and their policy would not run it.
    const context = await this.#browser.newContext({ baseURL: this.#gateway.url, reducedMotion: "reduce" });
    const page = await context.newPage();
    if (who === null) return page;
    this.#signedIn.set(who, context);
    await page.goto("/sign-in");
    await signIn(page, who);
    await arriveAt(page, /^(?!Sign in$)/);
    return page;
  }

  /** A page of a browser without script, in which this person has signed in by keyboard. */
  async openByKeyboard(who: Who): Promise<Page> {
    const context = await this.#browser.newContext({ baseURL: this.#gateway.url, javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto("/sign-in");
    await tabTo(page, "E-mail");
    await page.keyboard.type(`${who}@gatehouse.example`);
    await tabTo(page, "Password");
    await page.keyboard.type(DEMO_PASSWORD);
    await page.keyboard.press("Enter");
    await arriveAt(page, /^(?!Sign in$)/);
    return page;
  }

  /** The page on which a person of this browser is asked to allow an app. */
  async pathOfConsent(page: Page, client_name: string): Promise<string> {
    return this.#authorizePath(await this.#register(page, client_name));
  }

  /** Connects apps with this person's browser by the form of the consent page, without drawing it. */
  async connectApps(page: Page, names: readonly string[]): Promise<void> {
    const rest = [...names];
    const connectNext = async () => {
      for (let name = rest.shift(); name !== undefined; name = rest.shift()) await this.#connect(page, name);
    };
    await Promise.all(Array.from({ length: 4 }, connectNext));
  }

  async #register(page: Page, client_name: string): Promise<string> {
    const registered = await page.context().request.post("/oauth/register", {
      data: { client_name, redirect_uris: [CALLBACK], token_endpoint_auth_method: "none" },
    });
    return ((await registered.json()) as { client_id: string }).client_id;
  }

  async #connect(page: Page, client_name: string): Promise<void> {
    const { request } = page.context();
    const client_id = await this.#register(page, client_name);
    const path = this.#authorizePath(client_id);
    const html = await (await request.get(path)).text();
    const fields = [...html.matchAll(/<input type="(?:hidden|checkbox)" name="([^"]+)" value="([^"]*)"/g)];
    const form = new URLSearchParams(fields.map(([, name = "", value = ""]) => [name, value]));
    form.set("decision", "allow");
    const allowed = await request.post(path, {
      headers: { "content-type": "application/x-www-form-urlencoded", origin: this.#gateway.url },
      data: form.toString(),
      maxRedirects: 0,
    });
    const code = new URL(allowed.headers().location ?? this.#gateway.url).searchParams.get("code") ?? "";
    const grant = { grant_type: "authorization_code", redirect_uri: CALLBACK, code_verifier: VERIFIER };
    const token = await request.post("/oauth/token", {
      form: { ...grant, code, client_id },
      headers: { "user-agent": `${client_name.replace(/\P{ASCII}+/gu, "").slice(0, 60)}/1.0` },
    });
    if (!token.ok()) throw new Error(`${client_name}: ${token.status()} ${await token.text()}`);
  }

  #authorizePath(clientId: string): string {
    return `/authorize?${new URLSearchParams({
      ...{ response_type: "code", client_id: clientId, redirect_uri: CALLBACK, state: "s" },
      ...{ resource: `${this.#gateway.url}/mcp/crm`, code_challenge_method: "S256" },
      code_challenge: createHash("sha256").update(VERIFIER).digest("base64url"),
    })}`;
  }
}

/** The demonstration people, a team, links, and a policy with single sign-on next to passwords. */
async function seed({ PLATFORM_DB: database }: Env, more: string): Promise<void> {
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
  const [digest, at] = [digestText(document), Date.now()];
  const sql = [
    putInForce({ after: 0, replaced: 1, version: 2, digest, by: "tests", note: "", at }, document),
    addTeam({ ...TEAM, role: "sales", group: null, at: new Date() }),
    addTeamMember(TEAM.id, "demo-sales"),
    more,
  ];
  await database.batch(splitStatements(sql.join("\n")).map((statement) => database.prepare(statement)));
}

/** Presses the button with exactly this name. */
export const click = (page: Page, name: string) => page.getByRole("button", { name, exact: true }).click();

/** Uploads a file of people with these rows, to be checked. */
export async function uploadPeople(page: Page, rows: readonly string[]): Promise<void> {
  await page.goto("/console/people/import");
  const buffer = Buffer.from(`email,name,role\n${rows.join("\n")}\n`);
  await page.getByLabel("File").setInputFiles({ name: "people.csv", mimeType: "text/csv", buffer });
  await click(page, "Check the file");
}
