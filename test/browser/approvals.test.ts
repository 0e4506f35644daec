import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectSeller } from "./ask-approval.ts";
import { arriveAt, type Client, openBrowser, openPage, signIn, startClient, takePicture } from "./walk.ts";

let browser: Browser;
let client: Client;

beforeAll(async () => {
  browser = await openBrowser();
  client = await startClient("Desk Assistant");
});

afterAll(async () => {
  await browser?.close();
  await client?.close();
});

describe("a call that waits for an approval", () => {
  it("is read and approved by another user, by keyboard and without script, and then runs once", async () => {
    const page = await openPage(browser);
    const call = await connectSeller(page, client);
    const { code, path, dealId } = await call();
    expect(code).toBe("approval_required");
    await page.goto(path);
    await signIn(page, "admin");
    await arriveAt(page, "Let “Move a deal” run once?");
    const card = await page.locator(".card").innerText();
    for (const text of ["Salma Haddad", "Desk Assistant", dealId, "Contract 4711", "signed contract"]) {
      expect(card).toContain(text);
    }
    for (let step = 0; (await page.locator('button[value="approve"]:focus').count()) === 0; step += 1) {
      if (step > 20) throw new Error("The Tab key never reached the button.");
      await page.keyboard.press("Tab");
    }
    await takePicture(page, "approval-keyboard");
    await page.keyboard.press("Enter");
    await page.getByRole("status").waitFor();
    expect(await page.getByRole("status").innerText()).toContain("exactly this call, once");
    await takePicture(page, "approval-approved");
    expect((await call()).code).toBe(null);
    // The deal is won now: the tool refuses the same move, and does not ask for a second approval.
    expect((await call()).code).toBe("conflict");
  });

  it("is refused with a reason, which the requester reads on their page", async () => {
    const page = await openPage(browser);
    const call = await connectSeller(page, client);
    const { path } = await call();
    await page.goto("/approvals");
    await signIn(page, "admin");
    await arriveAt(page, "Approvals");
    await page.getByRole("link", { name: "Move a deal" }).first().click();
    await page.getByLabel("Reason, if you refuse (optional)").fill("The contract is not signed.");
    await page.getByRole("button", { name: "Refuse" }).click();
    await page.getByRole("status").waitFor();
    expect((await call()).code).toBe("forbidden");
    const seller = await openPage(browser);
    await seller.goto(path);
    await signIn(seller, "sales");
    await arriveAt(seller, "Move a deal: refused");
    expect(await seller.locator(".card").innerText()).toContain("The contract is not signed.");
  });

  it("cannot be approved by the requester", async () => {
    const page = await openPage(browser);
    const { path } = await (await connectSeller(page, client))();
    await page.goto(path);
    await signIn(page, "sales");
    await arriveAt(page, "Let “Move a deal” run once?");
    expect(await page.getByRole("button", { name: "Approve" }).count()).toBe(0);
    await takePicture(page, "approval-own");
  });
});
