import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { arriveAt, type Client, openBrowser, openPage, signIn, startClient, takePicture } from "./walk.ts";

let browser: Browser;
let client: Client;
let hostile: Client;

beforeAll(async () => {
  browser = await openBrowser();
  client = await startClient("Desk Assistant");
  hostile = await startClient("<script>document.title='owned'</script><img src=x onerror=alert(1)>");
});

afterAll(async () => {
  await browser?.close();
  await Promise.all([client?.close(), hostile?.close()]);
});

describe("connecting an app, without script", () => {
  it("goes from sign-in over consent back to the client, with a working token", async () => {
    const page = await openPage(browser);
    await page.goto(client.authorizeUrl({ scope: "crm:read crm:write knowledge:read" }));
    await arriveAt(page, "Sign in");
    await takePicture(page, "sign-in");
    await signIn(page, "sales");
    await arriveAt(page, /^Allow /);
    await takePicture(page, "consent");
    await page.getByRole("button", { name: "Allow" }).click();
    await arriveAt(page, "Back at the client");
    expect(client.received.at(-1)?.get("state")).toBe("the-state");
    expect(client.received.at(-1)?.get("iss")).toBe(inject("siteUrl"));
    const token = await client.takeToken();
    expect(token.scope.split(" ").sort()).toEqual(["crm:read", "crm:write", "knowledge:read"]);
  });

  it("tells the client when the person denies", async () => {
    const page = await openPage(browser);
    await page.goto(client.authorizeUrl());
    await signIn(page, "viewer");
    await page.getByRole("button", { name: "Deny" }).click();
    await arriveAt(page, "Back at the client");
    expect(client.received.at(-1)?.get("error")).toBe("access_denied");
    expect(client.received.at(-1)?.has("code")).toBe(false);
  });

  it("grants only what stays ticked", async () => {
    const page = await openPage(browser);
    await page.goto(client.authorizeUrl({ resource: "/mcp/crm", scope: "crm:read crm:write" }));
    await signIn(page, "sales");
    await page.locator('input[value="crm:write"]').uncheck();
    await page.getByRole("button", { name: "Allow" }).click();
    await arriveAt(page, "Back at the client");
    expect((await client.takeToken()).scope).toBe("crm:read");
  });

  it("asks again when nothing is ticked", async () => {
    const page = await openPage(browser);
    await page.goto(client.authorizeUrl({ resource: "/mcp/crm" }));
    await signIn(page, "viewer");
    await arriveAt(page, /^Allow /);
    for (const box of await page.getByRole("checkbox").all()) await box.uncheck();
    await page.getByRole("button", { name: "Allow" }).click();
    expect(await page.getByRole("alert").innerText()).toContain("Tick at least one permission");
    await takePicture(page, "consent-nothing-ticked");
    await page.getByRole("checkbox").first().check();
    await page.getByRole("button", { name: "Allow" }).click();
    await arriveAt(page, "Back at the client");
  });

  it("keeps the request while a wrong password is corrected", async () => {
    const page = await openPage(browser);
    await page.goto(client.authorizeUrl());
    await signIn(page, "viewer", "not the password");
    expect(await page.getByRole("alert").innerText()).toBe("E-mail or password is wrong.");
    expect(await page.getByLabel("E-mail").inputValue()).toBe("viewer@gatehouse.example");
    await takePicture(page, "sign-in-wrong");
    await signIn(page, "viewer");
    await arriveAt(page, /^Allow /);
  });

  it("lets another user take over through «Not you?» and returns to the same request", async () => {
    const page = await openPage(browser);
    await page.goto(client.authorizeUrl());
    await signIn(page, "viewer");
    await page.getByRole("button", { name: "Not you?" }).click();
    await signIn(page, "admin");
    expect(await page.locator("dl.facts").innerText()).toContain("admin@gatehouse.example");
  });

  it("needs the keyboard only", async () => {
    const page = await openPage(browser);
    await page.goto(client.authorizeUrl({ resource: "/mcp/crm", scope: "crm:read crm:write" }));
    await page.locator('input[type="email"]:focus').waitFor();
    await page.keyboard.type("sales@gatehouse.example");
    await page.keyboard.press("Tab");
    await page.keyboard.type("gatehouse-demo-door");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/authorize/);
    const focused = () => page.locator(":focus");
    const walkTo = async (selector: string) => {
      for (let step = 0; step < 30; step++) {
        await page.keyboard.press("Tab");
        if ((await page.locator(`${selector}:focus`).count()) > 0) return;
      }
      throw new Error(`The Tab key never reached ${selector}.`);
    };
    await walkTo('input[value="crm:write"]');
    await page.keyboard.press("Space");
    expect(await focused().isChecked()).toBe(false);
    await walkTo('button[value="allow"]');
    await takePicture(page, "consent-keyboard");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/callback/);
    expect((await client.takeToken()).scope).toBe("crm:read");
  });

  it("does not grant anything when Enter is pressed on a tick", async () => {
    const page = await openPage(browser);
    await page.goto(client.authorizeUrl({ resource: "/mcp/crm" }));
    await signIn(page, "viewer");
    await page.getByRole("checkbox").first().press("Enter");
    await page.waitForURL(/\/callback/);
    expect(client.received.at(-1)?.get("error")).toBe("access_denied");
  });
});

describe("an app that calls itself a script", () => {
  it("is shown as text, and nothing of it runs", async () => {
    const page = await openPage(browser, { javaScriptEnabled: true });
    const dialogs: string[] = [];
    page.on("dialog", async (dialog) => {
      dialogs.push(dialog.message());
      await dialog.dismiss();
    });
    await page.goto(hostile.authorizeUrl());
    await signIn(page, "viewer");
    await arriveAt(page, /^Allow /);
    expect(await page.getByRole("heading", { level: 1 }).innerText()).toContain("<script>document.title");
    expect(await page.locator("script, img").count()).toBe(0);
    expect(dialogs).toEqual([]);
    await takePicture(page, "consent-hostile");
  });
});

describe("the account page in the browser", () => {
  it("shows connected apps and revokes one", async () => {
    const page = await openPage(browser);
    await page.goto(
      client.authorizeUrl({ resource: "/mcp/knowledge", scope: "knowledge:read knowledge:write" }),
    );
    await signIn(page, "editor");
    await page.getByRole("button", { name: "Allow" }).click();
    await arriveAt(page, "Back at the client");
    await client.takeToken();
    await page.goto("/account");
    expect(await page.getByRole("heading", { name: "Desk Assistant" }).count()).toBe(1);
    await takePicture(page, "account");
    await page.getByRole("link", { name: /Desk Assistant/ }).click();
    await arriveAt(page, "Desk Assistant");
    await takePicture(page, "account-app");
    await page.getByRole("button", { name: "Yes, revoke access of Desk Assistant" }).click();
    expect(await page.getByRole("status").innerText()).toContain("revoked");
    expect(await page.getByText("No app is connected").count()).toBe(1);
    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    await arriveAt(page, "Sign in");
  });
});
