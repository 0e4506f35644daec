import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findFaintTexts, findNamelessControls, findOverflow } from "./measure.ts";
import { arriveAt, openBrowser, openPage, signIn, takePicture } from "./walk.ts";

let browser: Browser;

beforeAll(async () => {
  browser = await openBrowser();
});

afterAll(async () => {
  await browser?.close();
});

it("a draft of the policy is completed by keyboard under the strict policy of its page, light, dark and on a phone", async () => {
  const page = await openPage(browser, {
    javaScriptEnabled: true,
    reducedMotion: "reduce",
    viewport: { width: 360, height: 740 },
  });
  const refused: string[] = [];
  page.on("console", (message) => void (message.type() === "error" && refused.push(message.text())));
  await page.goto("/console/policy");
  await signIn(page, "admin");
  await page.getByRole("button", { name: "Write a draft" }).click();
  await arriveAt(page, /version/);
  const text = page.getByLabel("Text (YAML)");
  await text.fill("default_role: viewer\nroles:\n  viewer:\n    ");
  await text.press("End");
  await page.keyboard.press("Control+ ");
  const list = page.getByRole("listbox");
  await list.waitFor();
  expect(await list.getByRole("option").count()).toBeGreaterThan(5);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await findFaintTexts(page), colorScheme).toEqual([]);
    expect(await findNamelessControls(page)).toEqual([]);
    expect(await findOverflow(page)).toBeLessThanOrEqual(0);
    await takePicture(page, `policy-editor-${colorScheme}`);
  }
  await page.keyboard.press("Escape");
  await list.waitFor({ state: "hidden" });
  await page.keyboard.type("allowed_t");
  await list.getByRole("option", { name: /^allowed_tools/ }).waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.keyboard.type("[crm_find_c");
  await list.getByRole("option", { name: /^crm_find_contacts/ }).waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Tab");
  expect(await text.inputValue()).toMatch(/ {4}allowed_tools: \[crm_find_contacts$/);
  await page.getByRole("button", { name: "Save and check" }).click();
  await page.getByRole("alert").first().waitFor();
  expect(refused.filter((one) => one.includes("Content Security Policy"))).toEqual([]);
  await page.setViewportSize({ width: 1200, height: 900 });
  await takePicture(page, "policy-editor-mistakes");
});
