import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEMO_PASSWORD } from "../../scripts/seed/people.ts";
import { showCode } from "../support/totp.ts";
import { countWords, findFaintTexts, findNamelessControls, findOverflow } from "./measure.ts";
import { arriveAt, openBrowser, openPage, signIn, takePicture } from "./walk.ts";

let browser: Browser;

beforeAll(async () => {
  browser = await openBrowser();
});

afterAll(async () => {
  await browser?.close();
});

const PHONE = { width: 360, height: 740 };

/**
 * Measures the page in its current state, light and dark, on a phone. Needs script, which the pages do not.
 */
async function measure(page: Page, name: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await countWords(page), name).toBeGreaterThan(5);
    expect(await findFaintTexts(page), `${name} in ${colorScheme}`).toEqual([]);
    expect(await findNamelessControls(page), name).toEqual([]);
    expect(await findOverflow(page), name).toBeLessThanOrEqual(0);
    await takePicture(page, `second-factor-${name}-${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: "light" });
}

/** Types into the focused element, and sends the form with Enter. */
async function typeAndEnter(page: Page, text: string): Promise<void> {
  await page.keyboard.type(text);
  await page.keyboard.press("Enter");
}

const readSecret = async (page: Page) => (await page.locator("pre.secret").innerText()).trim();

describe("the second factor", () => {
  it("is set up, asked for, replaced by a backup code and turned off on a phone, light and dark", async () => {
    const page = await openPage(browser, {
      viewport: PHONE,
      javaScriptEnabled: true,
      reducedMotion: "reduce",
    });
    await page.goto("/account");
    await signIn(page, "analyst");
    await arriveAt(page, /\w/);
    await page.getByRole("link", { name: "Set up a second factor" }).click();
    await arriveAt(page, "Set up a second factor");
    await measure(page, "start");
    await page.getByLabel("Your password").fill(DEMO_PASSWORD);
    await page.getByRole("button", { name: "Continue" }).click();
    await arriveAt(page, "Add Gatehouse to your app");
    await measure(page, "confirm");
    const secret = await readSecret(page);
    await page.getByLabel("The code that the app shows now").fill("000000");
    await page.getByRole("button", { name: "Turn on" }).click();
    await page.getByRole("alert").waitFor();
    expect(await readSecret(page), "the same to try again").toBe(secret);
    await page.getByLabel("The code that the app shows now").fill(await showCode(secret));
    await page.getByRole("button", { name: "Turn on" }).click();
    await arriveAt(page, "Keep these backup codes");
    await measure(page, "backup-codes");
    const codes = await page.locator("ul.codes code").allInnerTexts();
    expect(codes).toHaveLength(10);
    await page.getByRole("link", { name: "I have kept them" }).click();
    await page.getByRole("button", { name: "Sign out", exact: true }).click();

    await signIn(page, "analyst");
    await arriveAt(page, "Enter your second factor");
    await measure(page, "challenge");
    await page.getByRole("link", { name: "Use a backup code instead" }).click();
    await measure(page, "challenge-backup");
    await page.getByLabel("Backup code").fill(codes[0] ?? "");
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("link", { name: "New backup codes, or turn it off" }).click();
    await arriveAt(page, "Your second factor");
    expect(await page.locator(".card").innerText()).toContain("9 backup codes are left");
    await measure(page, "manage");
    const off = page.locator('form[action$="/off"]');
    await off.getByLabel("Your password").fill(DEMO_PASSWORD);
    await off.getByLabel("Code from your app").fill(codes[1] ?? "");
    await off.getByRole("button").click();
    await page.getByRole("status").waitFor();
    expect(await page.getByRole("status").innerText()).toContain("is off");
  });

  it("is set up and given with the keyboard alone, without script", async () => {
    const page = await openPage(browser);
    await page.goto("/sign-in?next=%2Faccount%2Fsecond-factor");
    await signIn(page, "editor");
    await arriveAt(page, "Set up a second factor");
    await page.getByLabel("Your password").focus();
    await typeAndEnter(page, DEMO_PASSWORD);
    await arriveAt(page, "Add Gatehouse to your app");
    const secret = await readSecret(page);
    await page.getByLabel("The code that the app shows now").focus();
    await typeAndEnter(page, await showCode(secret));
    await arriveAt(page, "Keep these backup codes");
    const codes = await page.locator("ul.codes code").allInnerTexts();

    const other = await openPage(browser);
    await other.goto("/account");
    await signIn(other, "editor");
    await arriveAt(other, "Enter your second factor");
    // The field has the focus already.
    await typeAndEnter(other, await showCode(secret, 1));
    await arriveAt(other, /\w/);
    await other.goto("/account/second-factor");
    const off = other.locator('form[action$="/off"]');
    await off.getByLabel("Your password").fill(DEMO_PASSWORD);
    await off.getByLabel("Code from your app").focus();
    await typeAndEnter(other, codes[0] ?? "");
    await other.getByRole("status").waitFor();
  });
});
