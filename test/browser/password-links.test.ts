import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { DEMO_PASSWORD } from "../../scripts/seed/people.ts";
import { INVITED, pathOfLink } from "./invited.ts";
import { arriveAt, openBrowser, openPage } from "./walk.ts";

let browser: Browser;

beforeAll(async () => {
  browser = await openBrowser();
});

afterAll(async () => {
  await browser?.close();
});

it("an invited person chooses a password and signs in by keyboard alone, without script", async () => {
  const page = await openPage(browser);
  const { email, token } = INVITED.used;
  await page.goto(pathOfLink(token));
  await arriveAt(page, "Welcome, Grace Hopper");
  // The field has the focus.
  await page.keyboard.type("a password of my own");
  await page.keyboard.press("Enter");
  await arriveAt(page, "Your password is set");
  await page.getByRole("link", { name: "Sign in" }).press("Enter");
  await arriveAt(page, "Sign in");
  await page.keyboard.type(email);
  await page.keyboard.press("Tab");
  await page.keyboard.type("a password of my own");
  await page.keyboard.press("Enter");
  await arriveAt(page, "Grace Hopper");
  expect(await page.getByText("This browser").count()).toBe(1);
  await page.goto(pathOfLink(token));
  await arriveAt(page, "This link does not work");
});

it("signs another browser out on the account page", async () => {
  const [here, other] = [await openPage(browser), await openPage(browser)];
  for (const page of [here, other]) {
    await page.goto("/account");
    await page.getByLabel("E-mail").fill("viewer@gatehouse.example");
    await page.getByLabel("Password").fill(DEMO_PASSWORD);
    await page.getByRole("button", { name: "Sign in" }).click();
    await arriveAt(page, /\w/);
  }
  await here.reload();
  await here.getByRole("button", { name: "Sign out everywhere else" }).click();
  await here.getByText("You are signed out everywhere else.").waitFor();
  await other.reload();
  await arriveAt(other, "Sign in");
});
