import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import card from "../../workers/crm/view/customer-card.json" with { type: "json" };
import { showView } from "./view-page.ts";
import { openBrowser, takePicture } from "./walk.ts";

let browser: Browser;

beforeAll(async () => {
  browser = await openBrowser();
});

afterAll(async () => {
  await browser?.close();
});

const person = (id: number, name: string) => ({
  id: `con_${id}`,
  name,
  title: "Head of Purchasing",
  email: `${name.toLowerCase().replace(" ", ".")}@northwind.example`,
  phone: "+49 221 5550100",
});
const deal = (id: number, name: string, stage: string, amount: number, days: number) => ({
  ...{ id: `deal_${id}`, name, stage, amount, owner: "Sam Seller", expected_close: "2027-01-31" },
  ...{ days_in_stage: 12, days_untouched: days, version: 1 },
});
const task = (id: number, title: string, overdue: boolean) => ({
  ...{ id: `task_${id}`, title, due: "2026-12-01", overdue, owner: "Sam Seller" },
});
const activity = (id: number, kind: string, subject: string, days: number) => ({
  ...{
    id: `act_${id}`,
    kind,
    subject,
    date: "2026-11-13",
    days_ago: days,
    by: "Sam Seller",
    contact_id: null,
  },
});

/** An answer of `crm_get_customer`, with a name that is markup if it is not escaped. */
const CUSTOMER = {
  company: {
    ...{ id: "cmp_1", name: "Northwind <b>Traders</b>", domain: "northwind.example", industry: "Wholesale" },
    ...{ region: "Europe", city: "Cologne", country: "Germany", employees: 1_240, phone: "+49 221 5550100" },
    ...{ owner: "Sam Seller", last_activity: "2026-11-13", version: 3 },
  },
  contact: null,
  health: { status: "at_risk", reasons: ["Last contact 42 days ago with 2 open deals.", "1 overdue task."] },
  people: [person(1, "Nina Neu"), person(2, "Otto Ohnemus")],
  people_total: 9,
  open_deals: [
    deal(1, "Northwind Traders: platform rollout for every branch in Europe", "negotiation", 1_250_000, 42),
    deal(2, "Northwind Traders: training", "proposal", 48_000, 3),
  ],
  open_deals_total: 2,
  open_amount: 1_298_000,
  currency: "USD",
  recent_activities: [activity(1, "meeting", "Quarterly review", 42), activity(2, "email", "Offer sent", 50)],
  open_tasks: [task(1, "Send the signed contract", true), task(2, "Call about training", false)],
  open_tasks_total: 2,
};
const ANSWER = { content: [{ type: "text", text: "{}" }], structuredContent: CUSTOMER };

/** The host's answers to calls of the card, with a list of the calls. */
const answerCalls = (answer: object) =>
  `window.calls = []; bridge.oncalltool = async (params) => { calls.push(params); return ${JSON.stringify(answer)}; };`;

describe.each([
  ["light", 760],
  ["dark", 760],
  ["light", 360],
  ["dark", 360],
] as const)("the customer card in %s at %i pixels", (theme, width) => {
  it("shows a customer as text, fits, and loads nothing", async () => {
    const { page, frame, show, requested, complaints } = await showView(browser, card.html, { width, theme });
    await show(ANSWER);
    await frame.getByRole("heading", { name: "Northwind <b>Traders</b>" }).waitFor();
    for (const text of ["At risk", "$1,298,000", "42 days ago", "untouched for 42 days", "and 7 more"]) {
      expect(await frame.getByText(text, { exact: true }).first().isVisible(), text).toBe(true);
    }
    await takePicture(page, `view-customer-${theme}-${width}`);
    expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
    const inner = page.frames()[1];
    expect(await inner?.evaluate("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
    expect(requested.filter((url) => !/^(about|data):/.test(url))).toEqual([]);
    expect(complaints).toEqual([]);
  });
});

describe("the customer card", () => {
  it("completes a task by keyboard, keeps the focus on the next, and reloads the customer", async () => {
    const { page, frame, show } = await showView(browser, card.html, { width: 600, theme: "light" });
    await page.evaluate(answerCalls(ANSWER));
    await show(ANSWER);
    await frame.getByRole("button", { name: "Done: Send the signed contract" }).press("Enter");
    await frame.getByRole("status").getByText("Done: Send the signed contract").waitFor();
    expect(await frame.locator(":focus").getAttribute("aria-label")).toBe("Done: Call about training");
    await frame.getByRole("button", { name: "Refresh" }).press("Enter");
    await frame.getByRole("button", { name: "Done: Send the signed contract" }).waitFor();
    expect(await page.evaluate("calls")).toEqual([
      { name: "crm_complete_task", arguments: { task_id: "task_1" } },
      { name: "crm_get_customer", arguments: { customer: "cmp_1" } },
    ]);
  });

  it("shows why a task was not completed, and shows a person and an error", async () => {
    const { page, frame, show } = await showView(browser, card.html, { width: 600, theme: "dark" });
    const error = {
      error: { code: "forbidden", message: 'The role "viewer" does not include crm_complete_task.' },
    };
    await page.evaluate(
      answerCalls({ isError: true, content: [{ type: "text", text: JSON.stringify(error) }] }),
    );
    await show(ANSWER);
    await frame.getByRole("button", { name: "Done: Call about training" }).click();
    await frame.getByText("does not include crm_complete_task").waitFor();
    expect(await frame.getByRole("button", { name: "Done: Call about training" }).isEnabled()).toBe(true);
    const contact = { id: "con_9", name: "J••• D•••", title: null, email: "j•••@acme.com", phone: null };
    await show({
      structuredContent: { ...CUSTOMER, company: null, contact, open_deals: [], recent_activities: [] },
    });
    await frame.getByRole("heading", { name: "J••• D•••" }).waitFor();
    expect(await frame.getByText("No deal is open.").isVisible()).toBe(true);
    await show({ isError: true, content: [{ type: "text", text: "No company or contact fits." }] });
    expect(await frame.getByRole("alert").textContent()).toBe("No company or contact fits.");
  });
});
