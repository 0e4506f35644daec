import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { connectSeller } from "./ask-approval.ts";
import { INVITED, pathOfLink } from "./invited.ts";
import {
  countWords,
  findFaintTexts,
  findNamelessControls,
  findNarrowCaptions,
  findOverflow,
  readFocusOutline,
  readGroundBrightness,
} from "./measure.ts";
import { listPeopleVisits } from "./people-visits.ts";
import { TEAM } from "./standing-work.ts";
import { arriveAt, type Client, openBrowser, openPage, signIn, startClient, takePicture } from "./walk.ts";

const PHONE = { width: 360, height: 740 };
const DESK = { width: 1200, height: 800 };

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

/** Every page of the product, and the way to it. */
const VISITS: readonly (readonly [name: string, visit: (page: Page) => Promise<void>])[] = [
  ["home", async (page) => void (await page.goto("/"))],
  [
    "sign-in-error",
    async (page) => {
      await page.goto("/sign-in");
      await signIn(page, "nobody", "wrong");
      await page.getByText("E-mail or password is wrong.").waitFor();
    },
  ],
  [
    "consent-everything",
    async (page) => {
      await page.goto(client.authorizeUrl());
      await signIn(page, "admin");
      await arriveAt(page, /^Allow/);
    },
  ],
  [
    "account-connected",
    async (page) => {
      await page.goto(client.authorizeUrl({ resource: "/mcp/crm", scope: "crm:read crm:write" }));
      await signIn(page, "sales");
      await page.getByRole("button", { name: "Allow" }).click();
      await arriveAt(page, "Back at the client");
      await client.takeToken();
      await page.goto("/account");
    },
  ],
  [
    "choose-password",
    async (page) => {
      await page.goto(pathOfLink(INVITED.looked.token));
      await arriveAt(page, /^Welcome/);
    },
  ],
  ["link-refused", async (page) => void (await page.goto("/password?link=none"))],
  [
    "account-keys",
    async (page) => {
      await page.goto("/account/keys");
      await signIn(page, "viewer");
      await arriveAt(page, "API keys");
    },
  ],
  [
    "account-keys-new",
    async (page) => {
      await page.goto("/account/keys/new");
      await signIn(page, "sales");
      await arriveAt(page, "New API key");
    },
  ],
  [
    "account-keys-team",
    async (page) => {
      await page.goto(`/account/keys/new?team=${TEAM.id}`);
      await signIn(page, "sales");
      await arriveAt(page, /New (API )?key/);
      await page.getByText(TEAM.name).first().waitFor();
    },
  ],
  [
    "account-subscriptions",
    async (page) => {
      await page.goto("/account/subscriptions");
      await signIn(page, "sales");
      await arriveAt(page, "Your subscriptions");
    },
  ],
  [
    "console-subscriptions",
    async (page) => {
      await page.goto("/console/sessions/subscriptions");
      await signIn(page, "admin");
      await page.getByText("crm_deal_stage_changed").waitFor();
    },
  ],
  [
    "console-team",
    async (page) => {
      await page.goto(`/console/people/${TEAM.id}`);
      await signIn(page, "admin");
      await arriveAt(page, TEAM.name);
    },
  ],
  [
    "approval",
    async (page) => {
      const { path } = await (await connectSeller(page, client))();
      await page.goto(path);
      await signIn(page, "admin");
      await arriveAt(page, /run once/);
    },
  ],
  [
    "approvals",
    async (page) => {
      await (await connectSeller(page, client))();
      await page.goto("/approvals");
      await signIn(page, "admin");
      await arriveAt(page, "Approvals");
    },
  ],
  [
    "console",
    async (page) => {
      await page.goto("/console");
      await signIn(page, "admin");
      await arriveAt(page, "Console");
    },
  ],
  [
    "console-overview",
    async (page) => {
      await page.goto("/console/overview");
      await signIn(page, "auditor");
      await arriveAt(page, "Overview");
    },
  ],
  [
    "console-people",
    async (page) => {
      await page.goto("/console/people");
      await signIn(page, "admin");
      await arriveAt(page, "People");
    },
  ],
  [
    "console-person",
    async (page) => {
      await page.goto("/console/people/demo-sales");
      await signIn(page, "admin");
      await arriveAt(page, "Salma Haddad");
    },
  ],
  [
    "console-trail",
    async (page) => {
      await page.goto("/console/trail");
      await signIn(page, "auditor");
      await arriveAt(page, "Audit trail");
    },
  ],
  [
    "console-approvals",
    async (page) => {
      await (await connectSeller(page, client))();
      await page.goto("/console/approvals");
      await signIn(page, "admin");
      await arriveAt(page, "Approvals");
    },
  ],
  [
    "console-look",
    async (page) => {
      await (await connectSeller(page, client))();
      await page.goto("/console/approvals");
      await signIn(page, "admin");
      await page.getByRole("checkbox").first().check();
      await page.getByRole("button", { name: "Look and approve" }).click();
      await arriveAt(page, "Look at one call");
    },
  ],
  [
    "console-alerts",
    async (page) => {
      await page.goto("/console/alerts");
      await signIn(page, "admin");
      await arriveAt(page, "Alerts");
    },
  ],
  [
    "console-settings",
    async (page) => {
      await page.goto("/console/settings");
      await signIn(page, "admin");
      await arriveAt(page, "Settings");
    },
  ],
  [
    "console-connection-offers",
    async (page) => {
      await page.goto("/console/connections/ledger/offers");
      await signIn(page, "admin");
      await arriveAt(page, "What ledger offers");
    },
  ],
  [
    "console-dead-letters",
    async (page) => {
      await page.goto("/console/dead-letters");
      await signIn(page, "admin");
      await arriveAt(page, "Dead letters");
      await page.locator("summary").first().click();
    },
  ],
  [
    "console-refused",
    async (page) => {
      await page.goto("/console/people");
      await signIn(page, "auditor");
      await arriveAt(page, /does not open/);
    },
  ],
  ...listPeopleVisits(() => client),
  ["not-found", async (page) => void (await page.goto("/nothing-here"))],
  ["refused", async (page) => void (await page.goto("/authorize?client_id=nobody"))],
];

// One visit measures a page in every form: the way to a page costs more than the measurements do.
it.each(VISITS)(
  "%s is readable in light and dark, fits a phone, and names all that it has",
  async (name, visit) => {
    // Script is on for the measurements only; the pages have none, and their policy would not run it.
    const page = await openPage(browser, { javaScriptEnabled: true, viewport: PHONE });
    await visit(page);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(PHONE);
      await takePicture(page, `${name}-${colorScheme}-phone`);
      expect.soft(await findFaintTexts(page), `contrast below 4.5:1 in ${colorScheme}`).toEqual([]);
      await page.setViewportSize(DESK);
      await takePicture(page, `${name}-${colorScheme}`);
    }
    await page.setViewportSize(PHONE);
    expect.soft(await countWords(page)).toBeGreaterThan(5);
    expect.soft(await findOverflow(page), "pixels beyond a phone of 360").toBeLessThanOrEqual(0);
    expect.soft(await findNarrowCaptions(page)).toEqual([]);
    expect.soft(await page.locator("h1").count(), "main headings").toBe(1);
    expect.soft(await page.locator("html").getAttribute("lang")).toBe("en");
    expect.soft(await page.title()).toMatch(/ · Gatehouse$/);
    expect.soft(await findNamelessControls(page)).toEqual([]);
    await page.context().close();
  },
);

it.each([
  ["light", 200, 256],
  ["dark", -1, 60],
] as const)("a page paints the background of %s", async (colorScheme, above, below) => {
  const page = await openPage(browser, { colorScheme, javaScriptEnabled: true });
  await page.goto("/");
  const brightness = await readGroundBrightness(page);
  expect(brightness).toBeGreaterThan(above);
  expect(brightness).toBeLessThan(below);
});

it("a page shows the keyboard focus", async () => {
  const page = await openPage(browser, { javaScriptEnabled: true });
  await page.goto("/sign-in");
  await page.keyboard.press("Tab");
  expect(await readFocusOutline(page)).toBeGreaterThanOrEqual(2);
});
