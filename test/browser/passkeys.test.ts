import type { Browser, CDPSession, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEMO_PASSWORD } from "../../scripts/seed/people.ts";
import { addAuthenticator } from "./authenticator.ts";
import { findFaintTexts, findNamelessControls, findOverflow } from "./measure.ts";
import { arriveAt, openBrowser, openPage, signIn, takePicture } from "./walk.ts";

let browser: Browser;

beforeAll(async () => {
  browser = await openBrowser();
});

afterAll(async () => {
  await browser?.close();
});

/** A page whose browser has Chromium's virtual authenticator, which verifies its person at once. */
async function openWithAuthenticator(): Promise<{ page: Page; cdp: CDPSession; authenticatorId: string }> {
  const page = await openPage(browser, {
    javaScriptEnabled: true,
    viewport: { width: 360, height: 740 },
    reducedMotion: "reduce",
  });
  return { page, ...(await addAuthenticator(page)) };
}

async function measure(page: Page, name: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await findFaintTexts(page), `${name} in ${colorScheme}`).toEqual([]);
    expect(await findNamelessControls(page), name).toEqual([]);
    expect(await findOverflow(page), name).toBeLessThanOrEqual(0);
    await takePicture(page, `passkeys-${name}-${colorScheme}`);
  }
}

async function addPasskey(page: Page, name: string): Promise<void> {
  await page.getByLabel("Name, such as the device").fill(name);
  const password = page.getByLabel("Your password");
  if ((await password.count()) > 0) await password.fill(DEMO_PASSWORD);
  await page.getByRole("button", { name: "Add a passkey" }).click();
}

describe("a passkey", () => {
  it("is added, signs in by itself, counts as second factor, and is asked for before another one is added", async () => {
    const { page, cdp, authenticatorId } = await openWithAuthenticator();
    await page.goto("/sign-in?next=%2Faccount%2Fpasskeys");
    await signIn(page, "viewer");
    await arriveAt(page, "Your passkeys");
    await measure(page, "none");
    await addPasskey(page, "Test phone");
    await page.getByRole("status").filter({ hasText: "The passkey is added." }).waitFor();
    expect(await page.getByRole("heading", { name: "Test phone" }).count()).toBe(1);
    expect((await cdp.send("WebAuthn.getCredentials", { authenticatorId })).credentials).toHaveLength(1);
    await page.goto("/account");
    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    await page.getByRole("link", { name: "Sign in with a passkey" }).click();
    await arriveAt(page, "Use your passkey");
    await measure(page, "use");
    await page.getByRole("button", { name: "Use a passkey" }).click();
    await page.waitForURL(/\/account$/);
    // A key asks for a fresh factor of a person who has one: the passkey was it.
    await page.goto("/account/keys/new");
    expect(await page.locator('input[name="password"]').count()).toBe(0);
    await page.goto("/account/passkeys");
    await measure(page, "one");
    // Other files sign in as the same person.
    await page.getByRole("button", { name: /^Remove Test phone/ }).click();
    await page.getByText("You have none yet.").waitFor();
  });

  it("asks a person who signed in with the password for the passkey first, and goes on there", async () => {
    const { page, cdp, authenticatorId } = await openWithAuthenticator();
    await page.goto("/sign-in?next=%2Faccount%2Fpasskeys");
    await signIn(page, "analyst");
    await addPasskey(page, "Laptop");
    await page.getByRole("heading", { name: "Laptop" }).waitFor();
    const stolen = await openPage(browser, { javaScriptEnabled: true });
    await stolen.goto("/sign-in?next=%2Faccount%2Fkeys%2Fnew");
    await signIn(stolen, "analyst");
    await arriveAt(stolen, "Use your passkey");
    await stolen.goto("/account/passkeys");
    await arriveAt(stolen, "Use your passkey");
    await page.context().clearCookies();
    await page.goto("/sign-in?next=%2Faccount%2Fkeys%2Fnew");
    await signIn(page, "analyst");
    await arriveAt(page, "Use your passkey");
    await page.getByRole("button", { name: "Use a passkey" }).click();
    await page.waitForURL(/\/account\/keys\/new$/);
    // Lost: the device no longer has it, and the page says how to go on.
    await cdp.send("WebAuthn.clearCredentials", { authenticatorId });
    await page.goto("/sign-in/passkey");
    await page.getByRole("button", { name: "Use a passkey" }).click();
    await page.getByText("Nothing was used. Try again, or go another way.").waitFor();
    await page.getByRole("link", { name: "Sign in another way" }).click();
    await arriveAt(page, "Sign in");
    // The person removes it on a browser that gave it a moment ago.
    await page.goto("/account/passkeys");
    await page.getByRole("button", { name: /^Remove Laptop/ }).click();
    await page.getByText("You have none yet.").waitFor();
  });

  it("is not needed by a browser without script, which is told so", async () => {
    const page = await openPage(browser);
    await page.goto("/sign-in/passkey");
    expect(await page.locator("noscript").count()).toBeGreaterThan(0);
    expect(await page.locator("main").innerText()).toContain("Sign in another way");
    expect(await page.getByRole("button", { name: "Use a passkey" }).isDisabled()).toBe(true);
    await takePicture(page, "passkeys-without-script");
  });
});
