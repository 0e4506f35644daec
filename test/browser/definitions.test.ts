import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { arriveAt, openBrowser, openPage, signIn, takePicture } from "./walk.ts";

let browser: Browser;

beforeAll(async () => {
  browser = await openBrowser();
});

afterAll(() => browser?.close());

describe("a tool of an MCP server that changed", () => {
  it("is read with its difference, approved by keyboard and without script, and a suspicious one is refused", async () => {
    const page = await openPage(browser);
    await page.goto("/console/connections");
    await signIn(page, "admin");
    await arriveAt(page, "Connections");
    await page
      .getByRole("listitem")
      .filter({ hasText: "ledger" })
      .getByRole("link", { name: "What it offers" })
      .click();
    await arriveAt(page, "What ledger offers");
    const changed = await page.locator(".card", { hasText: "pay_invoice" }).first().innerText();
    for (const text of ["Pays an invoice.", "Pays an invoice, and tells its sender.", "inputSchema.required"])
      expect(changed).toContain(text);
    expect(await page.locator(".card", { hasText: "Who is connected" }).innerText()).toContain(
      "Salma Haddad",
    );
    await page.getByRole("checkbox", { name: "pay_invoice" }).focus();
    await page.keyboard.press("Space");
    for (let step = 0; (await page.locator('button[value="approve"]:focus').count()) === 0; step += 1) {
      if (step > 30) throw new Error("The Tab key never reached the button.");
      await page.keyboard.press("Tab");
    }
    await page.keyboard.press("Enter");
    await page.getByRole("status").filter({ hasText: "1 approved" }).waitFor();
    await page.getByRole("checkbox", { name: "get_rates" }).check();
    await page.getByRole("button", { name: "Refuse the ticked" }).click();
    await page.getByRole("status").filter({ hasText: "1 refused" }).waitFor();
    expect(await page.getByRole("checkbox").count()).toBe(1);
    await takePicture(page, "definitions-decided");
  });

  it("runs no script that its texts hold", async () => {
    const page = await openPage(browser, { javaScriptEnabled: true });
    await page.goto("/console/connections/ledger/offers");
    await signIn(page, "admin");
    await arriveAt(page, "What ledger offers");
    expect(await page.title()).toBe("What ledger offers · Gatehouse");
    expect(await page.locator("main script").count()).toBe(0);
  });
});
