import { PASSWORD, signIn, type TestBrowser, type TestPerson } from "../support/oauth.ts";

/** What a test types into the form; the rest has useful defaults. */
export interface KeyForm {
  name?: string;
  resources?: readonly string[];
  scopes?: readonly string[];
  tools?: string;
  networks?: string;
  certificates?: string;
  days?: string;
  proof?: "secret" | "public_key" | "workload";
  publicKey?: string;
  password?: string;
  /** Id of the team whose key it is. */
  team?: string;
}

/** A key as its owner gets it. */
export interface MadeKey {
  id: string;
  text: string;
}

/** The hidden fields of a page's form. */
export function hiddenOf(html: string): [string, string][] {
  return [...html.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(([, name, value]) => [
    name ?? "",
    value ?? "",
  ]);
}

/** The key on the page that shows it once, or "". */
export function keyOn(html: string): string {
  return /gatehouse_key_[0-9A-Za-z]{49}/.exec(html)?.[0] ?? "";
}

/** Opens the form and sends it. */
export async function sendForm(browser: TestBrowser, form: KeyForm = {}): Promise<Response> {
  const page = await (await browser.get(`/account/keys/new${form.team ? `?team=${form.team}` : ""}`)).text();
  return browser.post("/account/keys", [
    ...hiddenOf(page),
    ["name", form.name ?? "Nightly report"],
    ["tools", form.tools ?? ""],
    ["networks", form.networks ?? ""],
    ["certificates", form.certificates ?? ""],
    ["days", form.days ?? "90"],
    ["proof", form.proof ?? "secret"],
    ["public_key", form.publicKey ?? ""],
    ["password", form.password ?? PASSWORD],
    ...(form.resources ?? ["/mcp/crm"]).map((path): [string, string] => ["resource", path]),
    ...(form.scopes ?? ["crm:read", "crm:write"]).map((scope): [string, string] => ["scope", scope]),
  ]);
}

/** Makes a key through the page. Throws when it is refused. */
export async function makeKey(browser: TestBrowser, form: KeyForm = {}): Promise<MadeKey> {
  const response = await sendForm(browser, form);
  const html = await response.text();
  const id = /\/account\/keys\/(key_[0-9a-f]{24})/.exec(html)?.[1];
  if (response.status !== 200 || id === undefined) throw new Error(`No key: ${response.status} ${html}`);
  return { id, text: keyOn(html) };
}

/** Signs a person in and makes a key of theirs. */
export async function makeKeyOf(
  person: TestPerson,
  form: KeyForm = {},
): Promise<MadeKey & { browser: TestBrowser }> {
  const browser = await signIn(person);
  return { ...(await makeKey(browser, form)), browser };
}

/** Rotates a key through its page. */
export async function rotate(
  browser: TestBrowser,
  id: string,
  overlap: string,
  publicKey = "",
): Promise<Response> {
  const page = await (await browser.get(`/account/keys/${id}`)).text();
  return browser.post(`/account/keys/${id}/rotate`, [
    ...hiddenOf(page).filter(([name]) => name === "hint"),
    ["subject", subjectOf(page)],
    ["overlap", overlap],
    ["public_key", publicKey],
    ["password", PASSWORD],
  ]);
}

/** Revokes a key through its page. */
export async function revoke(browser: TestBrowser, id: string): Promise<Response> {
  const page = await (await browser.get(`/account/keys/${id}`)).text();
  return browser.post(`/account/keys/${id}/revoke`, { subject: subjectOf(page) });
}

/** Id of the person whom a form on the page is for. */
export function subjectOf(html: string): string {
  return new Map(hiddenOf(html)).get("subject") ?? "";
}
