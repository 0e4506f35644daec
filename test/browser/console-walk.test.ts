import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import { callTool, connectApp, listTools } from "./ask-approval.ts";
import { connectBooks } from "./books.ts";
import { arriveAt, type Client, openBrowser, openPage, signIn, startClient, takePicture } from "./walk.ts";

const REQUESTS = 20;

/** Requests that ask for something else than the others. */
const DIFFERENT = [4, 11, 17];

const RULE = `
    require_approval:
      - crm_create_contact`;

/** Arguments of one request. */
const requestOf = (index: number) => ({
  first_name: "Contact",
  last_name: `Number ${index}`,
  title: DIFFERENT.includes(index) ? "Chief Buyer" : "Buyer",
});

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

/** Takes the pictures of a page that a person looks at: light, dark and on a phone. */
async function takePictures(page: Page, name: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await takePicture(page, `walk-${name}-${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 390, height: 844 });
  await takePicture(page, `walk-${name}-phone`);
  expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(390);
  await page.setViewportSize({ width: 1280, height: 800 });
}

/** Opens a page again until it has what the trail's consumer or a job brings there. */
async function openUntil(page: Page, path: string, isThere: () => Promise<boolean>): Promise<void> {
  await vi.waitFor(
    async () => {
      await page.goto(path);
      expect(await isThere()).toBe(true);
    },
    { timeout: 80_000, interval: 1_000 },
  );
}

const runJobs = (cron: string) =>
  fetch(`${inject("siteUrl")}/cdn-cgi/handler/scheduled?${new URLSearchParams({ cron })}`);

/** Publishes the draft of this page. */
async function publish(page: Page, why: string): Promise<void> {
  await page.getByLabel("Why").fill(why);
  const own = page.getByLabel(/I have seen what my own role/);
  if ((await own.count()) > 0) await own.check();
  await page.getByRole("button", { name: "Publish" }).click();
  await arriveAt(page, "Policy");
  expect(await page.getByRole("status").innerText()).toContain("is in force");
}

/** Sends the answers of the look, and goes on with the next requests. */
async function decide(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Decide" }).click();
  await arriveAt(page, "Decided");
  await page.getByRole("link", { name: "Next ones" }).click();
  await arriveAt(page, "Approvals");
}

describe("a newcomer in the console", () => {
  it("finds a call, explains it, changes the policy, approves twenty requests, decides about changed tools and silences an alert", {
    timeout: 500_000,
  }, async () => {
    const page = await openPage(browser, { viewport: { width: 1280, height: 800 } });
    const viewer = await connectApp(page, client, "viewer", "crm:read");
    expect(await callTool(viewer, "crm_create_contact", { first_name: "Nora", last_name: "Nope" })).toContain(
      "forbidden",
    );
    const seller = await connectApp(page, client, "sales", "crm:read crm:write");
    expect(await callTool(seller, "crm_create_contact", { first_name: "Ada", last_name: "Early" })).toContain(
      '"id":"con',
    );

    const books = await connectBooks();
    const accountant = await connectApp(page, client, "admin", "books:read", "books");
    const inBooks = (name: string, args: Record<string, string>, capabilities = {}) =>
      callTool(accountant, name, args, { server: "books", capabilities });
    expect(await inBooks("books_find_invoice", { number: "4711" })).toContain('"number":"4711"');

    await page.goto("/console");
    await signIn(page, "admin");
    await arriveAt(page, "Console");

    // Find the call.
    await page.getByRole("link", { name: "Audit trail" }).click();
    await arriveAt(page, "Audit trail");
    const calls = page.locator('a[href^="/console/trail/calls/"]');
    const search = "/console/trail?name=crm_create_contact&decision=deny";
    await openUntil(page, "/console/trail?name=crm_create_contact", async () => (await calls.count()) > 1);
    await page.goto(search);
    expect(await calls.count()).toBe(1);
    await takePictures(page, "calls");
    await calls.first().click();
    await arriveAt(page, /crm_create_contact/);
    await takePictures(page, "call");

    // Explain it.
    await page.getByRole("link", { name: "Policy", exact: true }).first().click();
    await arriveAt(page, "Policy");
    await page.getByRole("link", { name: "Explain a decision" }).click();
    await page.getByLabel("Person, by e-mail address").fill("viewer@gatehouse.example");
    await page.getByLabel("Tool", { exact: true }).fill("crm_create_contact");
    await page.getByRole("button", { name: "Explain" }).click();
    const answer = await page.getByRole("status").innerText();
    expect(answer).toContain("Denied");
    expect(answer).toContain("roles.viewer.allowed_tools");
    await takePictures(page, "explain");

    // Change the policy, and look at what it would have changed.
    await page.goto("/console/policy");
    await page.getByRole("button", { name: "Write a draft" }).click();
    await arriveAt(page, /version 1/i);
    const text = page.getByLabel("Text (YAML)");
    const written = await text.inputValue();
    expect(written).toContain("denials_in_row: 10");
    const wrong = written
      .replace("denials_in_row: 10", "denials_in_row: 1")
      .replace(/(\n {2}sales:[\s\S]*?)\n {4}require_approval:/, `$1${RULE}s`);
    await text.fill(wrong);
    await page.getByRole("button", { name: "Save and check" }).click();
    expect(await page.getByRole("alert").innerText()).toContain("crm_create_contacts");
    await takePictures(page, "mistake");
    await page.getByLabel("Text (YAML)").fill(wrong.replace("crm_create_contacts", "crm_create_contact"));
    await page.getByRole("button", { name: "Save and check" }).click();
    const change = page.locator("ul.changes", { hasText: "+ approval rule crm_create_contact" });
    await change.waitFor();
    await takePictures(page, "draft");
    await page.getByRole("link", { name: "What it would have changed" }).click();
    await arriveAt(page, "What the draft would have changed");
    expect(await page.getByRole("status").innerText()).toMatch(
      /calls of 7 days: 1 would be decided otherwise/,
    );
    expect(await page.locator("tbody tr").innerText()).toMatch(/crm_create_contact[\s\S]*sales/);
    await takePictures(page, "simulate");
    await page.getByRole("link", { name: "The draft" }).click();
    await publish(page, "Contacts are seen by a second person.");
    await takePictures(page, "policy");

    // Approve twenty requests, of which three differ.
    for (let index = 0; index < REQUESTS; index += 1) {
      expect(await callTool(seller, "crm_create_contact", requestOf(index))).toContain("approval_required");
    }
    await page.goto("/console/approvals");
    await takePictures(page, "approvals");
    await page.getByRole("link", { name: `Tick the ${REQUESTS - DIFFERENT.length} that are alike` }).click();
    // The click leads to another page, which a busy machine needs a moment for.
    const ticked = page.locator('input[name="request"]:checked');
    await expect.poll(() => ticked.count()).toBe(REQUESTS - DIFFERENT.length);
    await page.getByRole("button", { name: "Look and approve" }).click();
    await decide(page);
    const left = page.locator('input[name="request"]');
    expect(await left.count()).toBe(DIFFERENT.length);
    for (const box of await left.all()) await box.check();
    await page.getByRole("button", { name: "Look and approve" }).click();
    await arriveAt(page, `Look at ${DIFFERENT.length} calls`);
    await takePictures(page, "look");
    await page
      .getByRole("radio", { name: /Refuse/ })
      .first()
      .check();
    await decide(page);
    expect(await page.locator("main").innerText()).toContain("Nothing waits for your decision");
    // The approved ones run, and the seller is left with no open request.
    const answers: string[] = [];
    for (let index = 0; index < REQUESTS; index += 1)
      answers.push(await callTool(seller, "crm_create_contact", requestOf(index)));
    expect(answers.filter((text) => text.includes('"id":"con'))).toHaveLength(REQUESTS - 1);

    // Keep a changed tool off, and approve the change of another one. A session looks at a server's tools once a
    // minute, so the change is met by an app that can ask its person: it has a session of its own.
    await books.change();
    const asking = { elicitation: {} };
    expect(await inBooks("books_find_invoice", { number: "4711" }, asking)).toContain("is off until");
    expect(await inBooks("books_list_suppliers", { country: "PT" }, asking)).toContain("is off until");
    await page.goto("/console/overview");
    await takePictures(page, "overview");
    await page.getByRole("link", { name: "Definitions that wait for review" }).click();
    await arriveAt(page, "Connections");
    const connection = page.locator("section", { hasText: "accountants@gatehouse.example" });
    expect(await connection.innerText()).toContain("2 wait for review");
    await takePictures(page, "connections");
    await connection.getByRole("link", { name: "What it offers" }).click();
    await arriveAt(page, "What books offers");
    const definition = (name: string) => page.locator(".card", { hasText: `offered as books_${name}` });
    const [finds, lists] = [definition("find_invoice"), definition("list_suppliers")];
    for (const text of ["by its number.", "by its number and year.", "inputSchema.properties.year"])
      expect(await finds.innerText()).toContain(text);
    expect(await lists.innerText()).toContain("Reads like orders to a model");
    await takePictures(page, "quarantine");
    await lists.getByRole("checkbox").check();
    await page.getByRole("button", { name: "Refuse the ticked" }).click();
    await expect
      .poll(() => page.getByRole("status").allInnerTexts())
      .toEqual([expect.stringContaining("1 refused")]);
    await finds.getByRole("checkbox").check();
    await page.getByRole("button", { name: "Approve the ticked" }).click();
    await expect
      .poll(() => page.getByRole("status").allInnerTexts())
      .toEqual([expect.stringContaining("1 approved")]);
    await takePictures(page, "quarantine-decided");
    await books.publish();
    const found = await inBooks("books_find_invoice", { number: "4711", year: "2026" }, asking);
    expect(found).toContain('"year":"2026"');
    expect(await inBooks("books_list_suppliers", { country: "PT" }, asking)).toContain("is off until");
    const offered = await listTools(accountant, { server: "books" });
    expect(offered).toContain("by its number and year.");
    expect(offered).not.toContain("evil.example");

    // Silence an alert.
    expect(await callTool(viewer, "crm_create_contact", { first_name: "Nora", last_name: "Nope" })).toContain(
      "forbidden",
    );
    const alert = page.getByRole("heading", { name: "denials in row Lasts" });
    await openUntil(page, "/console/alerts", async () => {
      await runJobs("*/5 * * * *");
      await page.reload();
      return (await alert.count()) > 0;
    });
    const item = page.locator("li", { has: alert });
    await item.getByText("Silence", { exact: true }).first().click();
    await item.getByLabel("Why").fill("A newcomer tries things.");
    await takePictures(page, "alerts");
    await item.getByRole("button", { name: "Silence" }).click();
    await page.getByText("A newcomer tries things.").first().waitFor();
    await takePictures(page, "silenced");
    await page.goto("/console/sessions");
    await takePictures(page, "sessions");

    // Go back, so that the other walks meet the policy that they know.
    await page.goto("/console/policy");
    await page.getByRole("button", { name: "Go back to it" }).last().click();
    await arriveAt(page, "Back to version 1");
    await publish(page, "The walk is over.");
    await books.remove();
  });
});
