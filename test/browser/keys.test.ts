import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEMO_PASSWORD } from "../../scripts/seed/people.ts";
import { countWords, findFaintTexts, findNamelessControls, findOverflow } from "./measure.ts";
import { arriveAt, openBrowser, openPage, signIn, tabTo, takePicture } from "./walk.ts";

let browser: Browser;

beforeAll(async () => {
  browser = await openBrowser();
});

afterAll(async () => {
  await browser?.close();
});

/** Measures the page light and dark, on a phone and on a desk. Needs script, which the pages do not. */
async function measure(page: Page, name: string): Promise<void> {
  for (const [size, viewport] of [
    ["phone", { width: 360, height: 740 }],
    ["desk", { width: 1200, height: 800 }],
  ] as const) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await countWords(page), name).toBeGreaterThan(5);
      expect(await findFaintTexts(page), `${name} in ${colorScheme}`).toEqual([]);
      expect(await findNamelessControls(page), name).toEqual([]);
      expect(await findOverflow(page), name).toBeLessThanOrEqual(0);
      await takePicture(page, `keys-${name}-${colorScheme}-${size}`);
    }
  }
}

describe("API keys in a browser", () => {
  it("are made, rotated and revoked on pages that fit a phone and a desk, light and dark", async () => {
    const page = await openPage(browser, { javaScriptEnabled: true, reducedMotion: "reduce" });
    await page.goto("/account/keys");
    await signIn(page, "viewer");
    await arriveAt(page, "API keys");
    await measure(page, "none");
    await page.getByRole("link", { name: "New key" }).click();
    await arriveAt(page, "New API key");
    await measure(page, "new");
    await page.getByLabel("Name of the agent or job").fill("Nightly report");
    await page.getByLabel("Only these tools").fill("crm_get_*\nknowledge_*");
    await page.getByLabel("Only from these networks").fill("203.0.113.0/24");
    await page.getByLabel("Your password").fill("wrong");
    await page.getByRole("button", { name: "Make key" }).click();
    await page.getByText("The password is wrong.").waitFor();
    await measure(page, "refused");
    await page.getByLabel("Your password").fill(DEMO_PASSWORD);
    await page.getByRole("button", { name: "Make key" }).click();
    await arriveAt(page, "Keep this key");
    await measure(page, "shown");
    await page.getByRole("link", { name: "I have kept it" }).click();
    await arriveAt(page, /Nightly report/);
    await measure(page, "one");
    await page.getByLabel("Your password").fill(DEMO_PASSWORD);
    await page.getByRole("button", { name: "Rotate" }).click();
    await arriveAt(page, "Keep this key");
    await page.getByRole("link", { name: "I have kept it" }).click();
    await page.getByText("Rotated: two secrets work").waitFor();
    await page.goto("/account/keys");
    await measure(page, "list");
    await page.getByRole("link", { name: /Nightly report/ }).click();
    await page.getByRole("button", { name: "Revoke key" }).click();
    await page.getByText("The key is revoked").waitFor();
    expect(await page.getByText("You have no keys").count()).toBe(1);
  });

  it("are made and revoked by keyboard alone, without script", async () => {
    const page = await openPage(browser);
    await page.goto("/account/keys/new");
    await signIn(page, "sales");
    await arriveAt(page, "New API key");
    await tabTo(page, "Name of the agent");
    await page.keyboard.type("By keyboard");
    await tabTo(page, "Your password");
    await page.keyboard.type(DEMO_PASSWORD);
    await page.keyboard.press("Enter");
    await arriveAt(page, "Keep this key");
    await tabTo(page, "I have kept it");
    await page.keyboard.press("Enter");
    await arriveAt(page, "By keyboard");
    await tabTo(page, "Revoke key");
    await page.keyboard.press("Enter");
    await page.getByText("The key is revoked").waitFor();
  });
});
