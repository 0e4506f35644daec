import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readEnvironment } from "../../scripts/local/project.ts";
import { DEMO_PASSWORD } from "../../scripts/seed/people.ts";
import { signFactorLink } from "../../shared/auth/approval-link.ts";
import { openKeyring } from "../../shared/auth/keyring.ts";
import { addAuthenticator } from "./authenticator.ts";
import { INVITED, pathOfLink } from "./invited.ts";
import { findFaintTexts, findNamelessControls, findOverflow } from "./measure.ts";
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

const { email, token } = INVITED.lost;
const FIRST = "the first password of mine";
const SECOND = "the second password of mine";

it("a person who lost the only passkey comes back by an administrator's link, and adds another one", {
  timeout: 120_000,
}, async () => {
  const page = await openPage(browser, { javaScriptEnabled: true, viewport: { width: 390, height: 800 } });
  const { cdp, authenticatorId } = await addAuthenticator(page);
  const choose = async (path: string, password: string) => {
    await page.goto(path);
    await page.getByLabel("New password").fill(password);
    await page.getByRole("button", { name: "Set password" }).click();
    await arriveAt(page, "Your password is set");
  };
  const enter = async (password: string) => {
    await page.goto("/sign-in?next=%2Faccount%2Fpasskeys");
    await page.getByLabel("E-mail").fill(email);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
  };
  const add = async (name: string, password: string) => {
    await arriveAt(page, "Your passkeys");
    await page.getByLabel("Name, such as the device").fill(name);
    await page.getByLabel("Your password").fill(password);
    await page.getByRole("button", { name: "Add a passkey" }).click();
    await page.getByRole("heading", { name }).waitFor();
  };
  await choose(pathOfLink(token), FIRST);
  await enter(FIRST);
  await add("Old phone", FIRST);

  // A call of an app that asks for a fresh factor leads here; the passkey was it.
  await page.goto(client.authorizeUrl({ resource: "/mcp/crm", scope: "crm:read" }));
  await page.getByRole("button", { name: "Allow" }).click();
  await arriveAt(page, "Back at the client");
  await client.takeToken();
  await page.goto("/account");
  const href = await page.getByRole("link", { name: /^Desk Assistant/ }).getAttribute("href");
  const grantId = decodeURIComponent(href?.split("/").at(-1) ?? "");
  const keyring = openKeyring(readEnvironment("local").vars, "APPROVAL_LINK_KEY");
  await page.goto(`/account/factor/${await signFactorLink(keyring, { grantId, userId: "lost" })}`);
  await arriveAt(page, "Confirm a call of Desk Assistant");
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await takePicture(page, `factor-link-${colorScheme}-phone`);
    expect(await findFaintTexts(page)).toEqual([]);
    expect(await findNamelessControls(page)).toEqual([]);
    expect(await findOverflow(page)).toBeLessThanOrEqual(0);
  }
  await page.getByRole("button", { name: "Confirm" }).click();
  await arriveAt(page, "Confirmed");

  // The device is lost: the password alone leads to the passkey, which no longer answers.
  await cdp.send("WebAuthn.clearCredentials", { authenticatorId });
  await page.context().clearCookies();
  await enter(FIRST);
  await arriveAt(page, "Use your passkey");
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await page.getByText("Nothing was used.").waitFor();

  // Without script, as an administrator may work.
  const admin = await openPage(browser, { viewport: { width: 390, height: 800 } });
  await admin.goto("/console/people?search=lost%40");
  await signIn(admin, "admin");
  await admin.getByRole("link", { name: "Grace Hopper" }).click();
  await arriveAt(admin, "Grace Hopper");
  await takePicture(admin, "console-person-with-passkey-phone");
  await admin.getByText("Remove second factor and passkeys").click();
  const factors = admin.locator("details");
  await factors.getByLabel("Your password").fill(DEMO_PASSWORD);
  await factors.getByRole("button", { name: "Yes, remove them" }).click();
  await admin.getByText("Second factor and passkeys are removed").waitFor();
  await admin.getByLabel("Your password").fill(DEMO_PASSWORD);
  await admin.getByRole("button", { name: "Make a link" }).press("Enter");
  const link = await admin.locator("pre.secret").innerText();

  await choose(new URL(link).pathname + new URL(link).search, SECOND);
  await enter(FIRST);
  await page.getByText("E-mail or password is wrong.").waitFor();
  await enter(SECOND);
  await add("New phone", SECOND);
  expect(await page.getByRole("heading", { name: "Old phone" }).count()).toBe(0);
  await page.goto(new URL(link).pathname + new URL(link).search);
  await arriveAt(page, "This link does not work");
});
