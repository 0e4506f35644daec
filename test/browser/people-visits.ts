import type { Page } from "playwright-core";
import { DEMO_PASSWORD } from "../../scripts/seed/people.ts";
import { arriveAt, type Client, signIn } from "./walk.ts";

type Visit = readonly [name: string, visit: (page: Page) => Promise<void>];

let made = 0;

/** A file of people with as many lines, some of which cannot be taken. */
const fileOf = (lines: readonly string[]) => ({
  name: "people.csv",
  mimeType: "text/csv",
  buffer: Buffer.from(`email,name,role\n${lines.join("\n")}\n`),
});

const lineOf = (role: string) => `person${++made}.${Date.now()}@import.example,Person ${made},${role}`;

async function open(page: Page, path: string, heading: string | RegExp): Promise<void> {
  await page.goto(path);
  await signIn(page, "admin");
  await arriveAt(page, heading);
}

async function check(page: Page, lines: readonly string[]): Promise<void> {
  await open(page, "/console/people/import", "Import people");
  await page.getByLabel("File").setInputFiles(fileOf(lines));
  await page.getByRole("button", { name: "Check the file" }).click();
  await page.getByRole("heading", { level: 2, name: /would be added/ }).waitFor();
}

/** Pages about people, their apps and their accounts, and the way to each. */
export const listPeopleVisits = (connect: () => Client): readonly Visit[] => [
  [
    "account-app",
    async (page) => {
      const client = connect();
      await page.goto(client.authorizeUrl({ resource: "/mcp/crm", scope: "crm:read crm:write" }));
      await signIn(page, "sales");
      await page.getByRole("button", { name: "Allow" }).click();
      await arriveAt(page, "Back at the client");
      await client.takeToken();
      await page.goto("/account");
      await page
        .getByRole("link", { name: /^Desk Assistant/ })
        .first()
        .click();
      await arriveAt(page, "Desk Assistant");
    },
  ],
  [
    "own-connections",
    async (page) => {
      await page.goto("/connections");
      await signIn(page, "viewer");
      await arriveAt(page, "Your connections");
    },
  ],
  ["console-invite", (page) => open(page, "/console/people/invite", "Invite a person")],
  [
    "console-invited",
    async (page) => {
      await open(page, "/console/people/invite", "Invite a person");
      await page.getByLabel("E-mail address").fill(`ida${++made}.${Date.now()}@invite.example`);
      await page.getByLabel("Name").fill("Ida Rhodes");
      await page.getByLabel("Your password").fill(DEMO_PASSWORD);
      await page.getByRole("button", { name: "Invite" }).click();
      await page.getByText("This link is shown once").waitFor();
    },
  ],
  ["console-import", (page) => open(page, "/console/people/import", "Import people")],
  ["console-import-checked", (page) => check(page, [lineOf("viewer"), lineOf("analyst"), lineOf("sales")])],
  ["console-import-mistakes", (page) => check(page, [lineOf("viewer"), lineOf("king"), "none,None,viewer"])],
  [
    "console-imported",
    async (page) => {
      await check(page, [lineOf("viewer"), lineOf("analyst")]);
      await page.getByLabel("Your password").fill(DEMO_PASSWORD);
      await page.getByRole("button", { name: "Add these 2 people" }).click();
      await page.getByText("2 people are added").waitFor();
    },
  ],
];
