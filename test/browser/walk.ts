import { createHash, randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { inject } from "vitest";
import { findBrowser } from "../../scripts/local/browser.ts";
import { DEMO_PASSWORD } from "../../scripts/seed/people.ts";

/** Folder of the screenshots, for people. Git ignores it. */
const PICTURES = path.resolve(import.meta.dirname, "../../.gatehouse/pictures");

const siteUrl = inject("siteUrl");

/** Starts the installed browser. Throws with a clear sentence when there is none. */
export async function openBrowser(): Promise<Browser> {
  const executablePath = findBrowser();
  if (executablePath === null) throw new Error("No Chrome or Chromium was found. Set CHROME_PATH to one.");
  return await chromium.launch({
    executablePath,
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** Opens a page in a browser profile of its own, without script unless the test says otherwise. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<Page> {
  // A change of the colour scheme starts transitions, and a colour in the middle of one is no colour of the page.
  const context = await browser.newContext({
    baseURL: siteUrl,
    javaScriptEnabled: false,
    reducedMotion: "reduce",
    ...options,
  });
  return await context.newPage();
}

/** Waits until the page with this main heading is there. */
export async function arriveAt(page: Page, heading: string | RegExp): Promise<void> {
  await page.getByRole("heading", { level: 1, name: heading }).waitFor();
}

/** Takes a picture of the whole page. */
export async function takePicture(page: Page, name: string): Promise<void> {
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: path.join(PICTURES, `${name}.png`), fullPage: true, animations: "disabled" });
}

/** Signs in on any page that requires it, as a person of the demonstration by role, or by address. */
export async function signIn(page: Page, who: string, password = DEMO_PASSWORD): Promise<void> {
  await page.getByLabel("E-mail").fill(who.includes("@") ? who : `${who}@gatehouse.example`);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Moves the focus with the Tab key to the control whose label or text begins with this name, or fits it. */
export async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  for (let step = 0; step < 60; step++) {
    await page.keyboard.press("Tab");
    const label = await page.evaluate<string>(LABEL);
    if (typeof name === "string" ? label.startsWith(name) : name.test(label)) return;
  }
  throw new Error(`The Tab key does not reach ${name}.`);
}

/** The label or text of the control with the focus; of the whole page where none has it. Runs in the page. */
const LABEL =
  "(document.activeElement.labels?.[0]?.textContent ?? document.activeElement.textContent ?? '').trim()";

/** A client of the tests: registered, with a loopback server that takes its code (RFC 8252 §7.3). */
export interface Client {
  clientId: string;
  redirectUri: string;
  /** The address that starts an authorization. */
  authorizeUrl(request?: { resource?: string; scope?: string }): string;
  /** Requests to the callback, oldest first. */
  received: URLSearchParams[];
  /** Exchanges the newest code. */
  takeToken(): Promise<{ scope: string; access_token: string; resource: string }>;
  close(): Promise<void>;
}

/** Registers a client under this name and starts its callback server. */
export async function startClient(name: string): Promise<Client> {
  const received: URLSearchParams[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    if (url.pathname === "/callback") received.push(url.searchParams);
    response.setHeader("Content-Type", "text/html");
    response.end("<title>Back at the client</title><h1>Back at the client</h1>");
  });
  const port = await listen(server);
  const redirectUri = `http://127.0.0.1:${port}/callback`;
  const { client_id: clientId } = await postJson<{ client_id: string }>("/oauth/register", {
    client_name: name,
    redirect_uris: [redirectUri],
    token_endpoint_auth_method: "none",
  });
  const verifier = randomBytes(32).toString("base64url");
  return {
    clientId,
    redirectUri,
    received,
    authorizeUrl({ resource = "/mcp", scope } = {}) {
      const query = new URLSearchParams({
        response_type: "code",
        client_id: clientId,
        redirect_uri: redirectUri,
        state: "the-state",
        resource: `${siteUrl}${resource}`,
        code_challenge: createHash("sha256").update(verifier).digest("base64url"),
        code_challenge_method: "S256",
        ...(scope !== undefined && { scope }),
      });
      return `/authorize?${query}`;
    },
    async takeToken() {
      const response = await fetch(`${siteUrl}/oauth/token`, {
        method: "POST",
        body: new URLSearchParams({
          grant_type: "authorization_code",
          code: received.at(-1)?.get("code") ?? "",
          client_id: clientId,
          redirect_uri: redirectUri,
          code_verifier: verifier,
        }),
      });
      if (!response.ok) throw new Error(`No token: ${response.status} ${await response.text()}`);
      return (await response.json()) as { scope: string; access_token: string; resource: string };
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

async function postJson<T>(target: string, body: unknown): Promise<T> {
  const response = await fetch(`${siteUrl}${target}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${target}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}
