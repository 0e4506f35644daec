import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, it } from "vitest";
import { DEMO_PASSWORD } from "../../scripts/seed/people.ts";
import { digestText } from "../../shared/encoding/canonical-json.ts";
import { addLink } from "../../shared/people/password-links.ts";
import { showCode } from "../support/totp.ts";
import { measurePage } from "./measure-page.ts";
import { click, PeopleSite, TEAM, uploadPeople } from "./people-site.ts";
import { arriveAt, signIn } from "./walk.ts";

const RESET = "d4".repeat(32);

let site: PeopleSite;

beforeAll(async () => {
  const link = { digest: digestText(RESET), kind: "reset", by: "tests", at: Date.now() } as const;
  site = await PeopleSite.start(addLink("demo-editor", link));
});

afterAll(() => site?.stop());

const manyApps = Array.from({ length: 57 }, (_, index) => `Assistant number ${index + 1}`);

type Visit = readonly [name: string, role: string | null, visit: (page: Page) => Promise<unknown>];

/** Pages about people in the order in which one person after the other meets them. */
const VISITS: readonly Visit[] = [
  ["sign-in", null, (page) => page.goto("/sign-in")],
  [
    "sign-in-wrong",
    null,
    async (page) => {
      await page.goto("/sign-in");
      await signIn(page, "nobody", "wrong");
    },
  ],
  ["passkey-use", null, (page) => page.goto("/sign-in/passkey")],
  ["issuer-away", null, (page) => page.goto("/sign-in/with/corp")],
  ["access-refused", null, (page) => page.goto("/sign-in/with/team")],
  ["link-ended", null, (page) => page.goto(`/password?link=${"0".repeat(64)}`)],
  ["reset", null, (page) => page.goto(`/password?link=${RESET}`)],
  [
    "reset-too-short",
    null,
    async (page) => {
      await page.goto(`/password?link=${RESET}`);
      await page
        .getByLabel("New password")
        .evaluate((field) =>
          (field as unknown as { removeAttribute(name: string): void }).removeAttribute("minlength"),
        );
      await page.getByLabel("New password").fill("short");
      await click(page, "Set password");
    },
  ],
  ["account-none", "viewer", (page) => page.goto("/account")],
  [
    "consent",
    "viewer",
    async (page) => {
      await page.goto(await site.pathOfConsent(page, "Desk Assistant"));
      await arriveAt(page, /^Allow/);
    },
  ],
  [
    "account-3-apps",
    "viewer",
    async (page) => {
      await site.connectApps(page, ["Desk Assistant", "Desk Assistant", "Phone"]);
      await page.goto("/account");
    },
  ],
  [
    "account-60-apps",
    "viewer",
    async (page) => {
      await site.connectApps(page, manyApps);
      await page.goto("/account");
      await page.getByText("Page 1 of 4, 60 apps.").waitFor();
    },
  ],
  ["account-search", "viewer", (page) => page.goto("/account?q=desk")],
  [
    "account-disconnect-all",
    "viewer",
    async (page) => {
      await page.goto("/account");
      await page.getByText("Disconnect all apps").click();
    },
  ],
  [
    "app",
    "viewer",
    async (page) => {
      await page.goto("/account?q=phone");
      await page.getByRole("link", { name: /^Phone/ }).click();
      await arriveAt(page, "Phone");
    },
  ],
  ["app-gone", "viewer", (page) => page.goto("/account/apps/none")],
  ["second-factor", "viewer", (page) => page.goto("/account/second-factor")],
  ["passkeys", "viewer", (page) => page.goto("/account/passkeys")],
  ["keys", "viewer", (page) => page.goto("/account/keys")],
  ["keys-new", "viewer", (page) => page.goto("/account/keys/new")],
  ["service-account-new", "sales", (page) => page.goto(`/account/keys/new?team=${TEAM.id}`)],
  ["subscriptions", "viewer", (page) => page.goto("/account/subscriptions")],
  ["connections", "viewer", (page) => page.goto("/connections")],
  ["console-people", "admin", (page) => page.goto("/console/people")],
  ["console-person", "admin", (page) => page.goto("/console/people/demo-sales")],
  ["console-person-self", "admin", (page) => page.goto("/console/people/demo-admin")],
  ["console-team", "admin", (page) => page.goto(`/console/people/${TEAM.id}`)],
  ["console-invite", "admin", (page) => page.goto("/console/people/invite")],
  [
    "console-invited",
    "admin",
    async (page) => {
      await page.goto("/console/people/invite");
      await page.getByLabel("E-mail address").fill("ida@invite.example");
      await page.getByLabel("Name").fill("Ida Rhodes");
      await page.getByLabel("Your password").fill(DEMO_PASSWORD);
      await click(page, "Invite");
      await page.getByText("This link is shown once").waitFor();
    },
  ],
  [
    "console-reset",
    "admin",
    async (page) => {
      await page.goto("/console/people/demo-auditor");
      await page.getByRole("button", { name: /link/i }).first().scrollIntoViewIfNeeded();
      await page.getByLabel("Your password").first().fill(DEMO_PASSWORD);
      await page.getByRole("button", { name: /link/i }).first().click();
      await arriveAt(page, "Link for another password");
    },
  ],
  ["console-import", "admin", (page) => page.goto("/console/people/import")],
  [
    "console-import-checked",
    "admin",
    (page) => uploadPeople(page, ["a@import.example,Ann,viewer", "b@import.example,Ben,sales"]),
  ],
  [
    "console-import-mistakes",
    "admin",
    (page) => uploadPeople(page, ["a@import.example,Ann,king", "none,None,viewer"]),
  ],
  [
    "console-imported",
    "admin",
    async (page) => {
      await uploadPeople(page, ["a@import.example,Ann,viewer", "b@import.example,Ben,sales"]);
      await page.getByLabel("Your password").fill(DEMO_PASSWORD);
      await click(page, "Add these 2 people");
      await page.getByText("2 people are added").waitFor();
    },
  ],
  ["console-refused", "viewer", (page) => page.goto("/console/people")],
  [
    "signed-out",
    "sales",
    async (page) => {
      await page.goto("/account");
      await click(page, "Sign out");
    },
  ],
];

describe("a page about people", () => {
  it.each(VISITS)(
    "%s is readable, fits a phone and can be used by keyboard without script",
    async (name, role, visit) => {
      const page = await site.openAs(role);
      await visit(page);
      await page.waitForLoadState();
      await measurePage(page, `people-${name}`);
      await (role === null ? page.context() : page).close();
    },
  );

  it("of a second factor is so at each step", async () => {
    const page = await site.openAs("analyst");
    await page.goto("/account/second-factor");
    await page.getByLabel("Your password").fill(DEMO_PASSWORD);
    await click(page, "Continue");
    await arriveAt(page, "Add Gatehouse to your app");
    await measurePage(page, "people-second-factor-add");
    const secret = (await page.locator("pre.secret").innerText()).replace(/\s/g, "");
    await page.getByLabel("The code that the app shows now").fill(await showCode(secret));
    await page.getByRole("button", { name: "Turn on" }).click();
    await arriveAt(page, "Keep these backup codes");
    await measurePage(page, "people-second-factor-codes");
    const other = await site.openAs(null);
    await other.goto("/sign-in");
    await signIn(other, "analyst");
    await arriveAt(other, "Enter your second factor");
    await measurePage(other, "people-second-factor-code");
  });

  it("of a key is so when it is made, shown once and rotated", async () => {
    const page = await site.openAs("editor");
    await page.goto("/account/keys/new");
    await page.getByLabel("Name of the agent or job").fill("Nightly report");
    await page.getByLabel("Your password").fill(DEMO_PASSWORD);
    await page.getByRole("button", { name: /make|create/i }).click();
    await page.locator("pre.secret").first().waitFor();
    await measurePage(page, "people-key-shown");
    await page.goto("/account/keys");
    await page.getByRole("link", { name: /Nightly report/ }).click();
    await arriveAt(page, /./);
    await measurePage(page, "people-key");
  });
});
