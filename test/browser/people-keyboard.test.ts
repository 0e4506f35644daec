import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEMO_PASSWORD } from "../../scripts/seed/people.ts";
import { PeopleSite, TEAM } from "./people-site.ts";
import { arriveAt, tabTo } from "./walk.ts";

let site: PeopleSite;

beforeAll(async () => {
  site = await PeopleSite.start("");
});

afterAll(() => site?.stop());

/** Goes to a control with the Tab key, and presses Enter there. */
async function enter(page: Page, name: string | RegExp): Promise<void> {
  await tabTo(page, name);
  await page.keyboard.press("Enter");
}

/** Goes to a field with the Tab key, and types. */
async function type(page: Page, name: string, text: string): Promise<void> {
  await tabTo(page, name);
  await page.keyboard.type(text);
}

/** Types the password into its field, and sends the form with Enter. */
async function confirm(page: Page): Promise<void> {
  await type(page, "Your password", DEMO_PASSWORD);
  await page.keyboard.press("Enter");
}

describe("with the Tab and Enter keys alone, and without script, an administrator", () => {
  it("invites a person, changes the role, makes a link, and keeps the person out", async () => {
    const page = await site.openByKeyboard("admin");
    await page.goto("/console/people");
    await enter(page, "Invite a person");
    await arriveAt(page, "Invite a person");
    await type(page, "E-mail address", "ida@invite.example");
    await type(page, "Name", "Ida Rhodes");
    await confirm(page);
    await page.getByText("This link is shown once").waitFor();
    await page.goto("/console/people");
    await type(page, "E-mail address", "ida@");
    await page.keyboard.press("Enter");
    await page.waitForURL(/search=ida/);
    await page.getByRole("link", { name: "Ida Rhodes" }).waitFor();
    await enter(page, "Ida Rhodes");
    await arriveAt(page, "Ida Rhodes");
    await type(page, "Role", "editor");
    await enter(page, "Change role");
    await page.getByRole("status").waitFor();
    expect(await page.getByLabel("Role").inputValue()).toBe("editor");
    await confirm(page);
    await page.getByText("This link is shown once").waitFor();
    await page.goto("/console/people?search=ida%40");
    await enter(page, "Ida Rhodes");
    await arriveAt(page, "Ida Rhodes");
    await enter(page, "Keep out");
    await page.getByRole("button", { name: "Let in again" }).waitFor();
  });

  it("checks a file of people and adds them", async () => {
    const page = await site.openByKeyboard("admin");
    await page.goto("/console/people");
    await enter(page, "Import");
    await arriveAt(page, "Import people");
    await tabTo(page, "File");
    const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.keyboard.press("Enter")]);
    const buffer = Buffer.from("email,name,role\na@import.example,Ann,viewer\nb@import.example,Ben,sales\n");
    await chooser.setFiles({ name: "people.csv", mimeType: "text/csv", buffer });
    await enter(page, "Check the file");
    await page.getByRole("heading", { level: 2, name: /would be added/ }).waitFor();
    await confirm(page);
    await page.getByText("2 people are added").waitFor();
  });
});

describe("with the Tab and Enter keys alone, and without script, a person", () => {
  it("searches the apps, looks at one, revokes it, and disconnects all others", async () => {
    const page = await site.openByKeyboard("viewer");
    await site.connectApps(page, [
      "Phone",
      ...Array.from({ length: 15 }, (_, index) => `Assistant ${index + 1}`),
    ]);
    await page.goto("/account");
    await type(page, "Search by name", "phone");
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "All apps" }).waitFor();
    await enter(page, "Phone");
    await arriveAt(page, "Phone");
    await enter(page, "Yes, revoke access of Phone");
    await page.getByRole("status").waitFor();
    await page.goto("/account");
    await enter(page, "Disconnect all apps");
    await enter(page, "Yes, disconnect all");
    await page.getByText("No app is connected.").waitFor();
  });

  it("changes the password, signs other browsers out, and signs out", async () => {
    const other = await site.openByKeyboard("approver");
    const page = await site.openByKeyboard("approver");
    await page.goto("/account");
    await enter(page, "Sign out everywhere else");
    await page.getByText("You are signed out everywhere else.").waitFor();
    await other.reload();
    await arriveAt(other, "Sign in");
    await type(page, "Current password", DEMO_PASSWORD);
    await type(page, "New password", "another password of mine");
    await page.keyboard.press("Enter");
    await page.getByRole("status").waitFor();
    await enter(page, "Sign out");
    await arriveAt(page, "Sign in");
    await enter(page, "Continue with Corp");
    await arriveAt(page, /./);
  });

  it("makes a key of a service account, rotates it, and revokes it", async () => {
    const page = await site.openByKeyboard("sales");
    await page.goto(`/account/keys/new?team=${TEAM.id}`);
    await type(page, "Name of the agent", "Night job");
    await confirm(page);
    await page.locator("pre.secret").first().waitFor();
    await page.goto("/account/keys");
    await enter(page, "Night job");
    await arriveAt(page, "Night job");
    await confirm(page);
    await page.locator("pre.secret").first().waitFor();
    await page.goto("/account/keys");
    await enter(page, "Night job");
    await arriveAt(page, "Night job");
    await enter(page, "Revoke");
    await page.getByRole("status").waitFor();
  });
});
