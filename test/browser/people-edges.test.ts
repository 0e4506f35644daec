import { hashPassword } from "better-auth/crypto";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, it } from "vitest";
import { DEMO_PASSWORD } from "../../scripts/seed/people.ts";
import { digestText } from "../../shared/encoding/canonical-json.ts";
import { addLink } from "../../shared/people/password-links.ts";
import { addPerson } from "../../shared/people/statements.ts";
import { addTeam, addTeamMember } from "../../shared/people/teams.ts";
import { showCode } from "../support/totp.ts";
import { addAuthenticator } from "./authenticator.ts";
import { INVITED, pathOfLink } from "./invited.ts";
import { measurePage } from "./measure-page.ts";
import { click, PeopleSite, uploadPeople } from "./people-site.ts";
import { arriveAt, signIn } from "./walk.ts";

const DAY_MS = 86_400_000;
/** Without a space at which a line could end. */
const UNBROKEN = "Wolfeschlegelsteinhausenbergerdorff".repeat(6).slice(0, 200);
/** 254 characters, the most that an address has. */
const LONG_EMAIL = `${"a".repeat(64)}@${`${"b".repeat(60)}.`.repeat(3)}us.com`;
const LONG = { id: "long", email: LONG_EMAIL, name: UNBROKEN, token: "e5".repeat(32) };
const RIGHT_TO_LEFT = {
  id: "rtl",
  email: "rtl@gatehouse.example",
  name: "נועה בן־דוד (Tel Aviv) محمد عبد الله",
  token: "f6".repeat(32),
};
const EXPIRED = "a7".repeat(32);

let site: PeopleSite;

beforeAll(async () => {
  const passwordHash = await hashPassword(DEMO_PASSWORD);
  const [now, by] = [Date.now(), "tests"];
  const sql = [LONG, RIGHT_TO_LEFT].flatMap(({ token, ...person }) => [
    addPerson({
      ...{ ...person, accountId: `${person.id}-account`, role: "viewer" },
      ...{ passwordHash, at: new Date().toISOString() },
    }),
    addLink(person.id, { digest: digestText(token), kind: "invitation", by, at: now }),
  ]);
  sql.push(
    addLink("demo-editor", { digest: digestText(EXPIRED), kind: "reset", by, at: now - 2 * DAY_MS }),
    addTeam({ id: "long-team", name: UNBROKEN.slice(0, 120), role: "sales", group: null, at: new Date() }),
    addTeamMember("long-team", LONG.id),
  );
  site = await PeopleSite.start(sql.join("\n"));
});

afterAll(() => site?.stop());

type Visit = readonly [name: string, who: string | null, visit: (page: Page) => Promise<unknown>];

async function makeKey(page: Page, name: string): Promise<void> {
  await page.goto("/account/keys/new");
  await page.getByLabel("Name of the agent or job").fill(name);
  await page.getByLabel("Your password").fill(DEMO_PASSWORD);
  await page.getByRole("button", { name: /make|create/i }).click();
  await page.locator("pre.secret").first().waitFor();
}

async function setPassword(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await page.getByLabel("New password").fill("a password of my own");
  await click(page, "Set password");
  await arriveAt(page, "Your password is set");
}

/** What a newcomer may meet, one after the other. */
const VISITS: readonly Visit[] = [
  ["link-expired", null, (page) => page.goto(pathOfLink(EXPIRED))],
  ["link-set", null, (page) => setPassword(page, pathOfLink(INVITED.used.token))],
  ["link-used", null, (page) => page.goto(pathOfLink(INVITED.used.token))],
  ["link-of-long-name", null, (page) => page.goto(pathOfLink(LONG.token))],
  ["link-of-rtl-name", null, (page) => page.goto(pathOfLink(RIGHT_TO_LEFT.token))],
  ["no-such-page", null, (page) => page.goto("/account-of-nobody")],
  [
    "sign-in-limited",
    null,
    async (page) => {
      await page.goto("/sign-in");
      for (let attempt = 0; attempt < 12; attempt += 1) await signIn(page, "limited", "wrong");
    },
  ],
  [
    "passkey-cancelled",
    null,
    async (page) => {
      // An authenticator without any passkey answers as one whose person cancels.
      await addAuthenticator(page);
      await page.goto("/sign-in/passkey");
      await click(page, "Use a passkey");
      await page.getByText("Nothing was used.").waitFor();
    },
  ],
  ["account-long", LONG_EMAIL, (page) => page.goto("/account")],
  [
    "consent-long",
    LONG_EMAIL,
    async (page) => {
      await page.goto(await site.pathOfConsent(page, UNBROKEN.slice(0, 100)));
      await arriveAt(page, /^Allow/);
    },
  ],
  [
    "account-long-app",
    LONG_EMAIL,
    async (page) => {
      await site.connectApps(page, [UNBROKEN.slice(0, 100), RIGHT_TO_LEFT.name]);
      await page.goto("/account");
    },
  ],
  [
    "app-long",
    LONG_EMAIL,
    async (page) => {
      await page.goto("/account");
      await page.getByRole("link", { name: /^Wolfe/ }).click();
      await arriveAt(page, /^Wolfe/);
    },
  ],
  ["key-long-shown", LONG_EMAIL, (page) => makeKey(page, UNBROKEN.slice(0, 60))],
  ["keys-long", LONG_EMAIL, (page) => page.goto("/account/keys")],
  [
    "key-long",
    LONG_EMAIL,
    async (page) => {
      await page.goto("/account/keys");
      await page
        .getByRole("link", { name: /^Wolfe/ })
        .first()
        .click();
      await arriveAt(page, /^Wolfe/);
    },
  ],
  [
    "passkey-not-added",
    LONG_EMAIL,
    async (page) => {
      const { cdp, authenticatorId } = await addAuthenticator(page);
      await cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
      await page.goto("/account/passkeys");
      await page.getByLabel("Name, such as the device").fill("Phone");
      await page.getByLabel("Your password").fill(DEMO_PASSWORD);
      await click(page, "Add a passkey");
      await page.getByText("Nothing was added.").waitFor();
    },
  ],
  [
    "passkeys-long",
    LONG_EMAIL,
    async (page) => {
      await addAuthenticator(page);
      await page.goto("/account/passkeys");
      await page.getByLabel("Name, such as the device").fill(UNBROKEN.slice(0, 60));
      await page.getByLabel("Your password").fill(DEMO_PASSWORD);
      await click(page, "Add a passkey");
      await page.getByRole("heading", { name: /^Wolfe/ }).waitFor();
    },
  ],
  ["account-rtl", RIGHT_TO_LEFT.email, (page) => page.goto("/account")],
  ["factor-link-wrong", RIGHT_TO_LEFT.email, (page) => page.goto("/account/factor/none")],
  ["approval-link-wrong", RIGHT_TO_LEFT.email, (page) => page.goto("/approvals/none")],
  [
    "second-factor-wrong-password",
    RIGHT_TO_LEFT.email,
    async (page) => {
      await page.goto("/account/second-factor");
      await page.getByLabel("Your password").fill("wrong");
      await click(page, "Continue");
      await page.getByRole("alert").waitFor();
    },
  ],
  ["console-people-long", "admin", (page) => page.goto("/console/people")],
  ["console-people-none", "admin", (page) => page.goto("/console/people?search=nobody-has-this")],
  ["console-person-long", "admin", (page) => page.goto(`/console/people/${LONG.id}`)],
  ["console-person-rtl", "admin", (page) => page.goto(`/console/people/${RIGHT_TO_LEFT.id}`)],
  ["console-team-long", "admin", (page) => page.goto("/console/people/long-team")],
  ["console-person-none", "admin", (page) => page.goto("/console/people/none")],
  [
    "console-import-long",
    "admin",
    (page) => uploadPeople(page, [`${"x".repeat(200)},${UNBROKEN},king`, `${LONG_EMAIL},${UNBROKEN},viewer`]),
  ],
];

describe("what a newcomer may meet", () => {
  it.each(VISITS)("%s is readable, fits a phone and can be used by keyboard", async (name, who, visit) => {
    const page = await site.openAs(who);
    await visit(page);
    await page.waitForLoadState();
    await measurePage(page, `people-edge-${name}`);
    await (who === null ? page.context() : page).close();
  });

  it("a wrong code and a wrong backup code say what to do, on readable pages", async () => {
    const page = await site.openAs("analyst");
    await page.goto("/account/second-factor");
    await page.getByLabel("Your password").fill(DEMO_PASSWORD);
    await click(page, "Continue");
    await arriveAt(page, "Add Gatehouse to your app");
    const secret = (await page.locator("pre.secret").innerText()).replace(/\s/g, "");
    await page.getByLabel("The code that the app shows now").fill("000000");
    await click(page, "Turn on");
    await page.getByRole("alert").waitFor();
    await measurePage(page, "people-edge-factor-not-turned-on");
    await page.getByLabel("The code that the app shows now").fill(await showCode(secret));
    await click(page, "Turn on");
    await arriveAt(page, "Keep these backup codes");
    await page.goto("/account/second-factor");
    await measurePage(page, "people-edge-factor-kept");
    const other = await site.openAs(null);
    await other.goto("/sign-in");
    await signIn(other, "analyst");
    await arriveAt(other, "Enter your second factor");
    await other.getByRole("textbox").fill("000001");
    await click(other, "Continue");
    await other.getByRole("alert").waitFor();
    await measurePage(other, "people-edge-factor-wrong");
    await other.getByRole("link", { name: "Use a backup code instead" }).click();
    await other.getByLabel("Backup code").fill("wrong-wrong");
    await click(other, "Continue");
    await other.getByText("This code is wrong or was used.").waitFor();
    await measurePage(other, "people-edge-backup-wrong");
  });
});
