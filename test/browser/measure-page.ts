import type { Page } from "playwright-core";
import { expect } from "vitest";
import {
  countWords,
  findFaintTexts,
  findNamelessControls,
  findNarrowCaptions,
  findOverflow,
} from "./measure.ts";
import { takePicture } from "./walk.ts";

const PHONE = { width: 390, height: 844 };
const DESK = { width: 1200, height: 800 };

/** What the Tab key reaches. */
const CONTROLS =
  "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]:not([tabindex='-1'])";

/**
 * Measures a page light and dark, on a desk and on a phone, and takes pictures of the phone: readable, no wider than the window, one main
 * heading, named controls, all of them reached by the Tab key with a visible focus, and no script but the one of passkeys.
 */
export async function measurePage(page: Page, name: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    for (const [size, viewport] of [
      ["desk", DESK],
      ["phone", PHONE],
    ] as const) {
      await page.setViewportSize(viewport);
      expect.soft(await findFaintTexts(page), `${name} in ${colorScheme}`).toEqual([]);
      expect.soft(await findOverflow(page), `${name} on a ${size}`).toBeLessThanOrEqual(0);
      if (size === "phone") await takePicture(page, `${name}-${colorScheme}-phone`);
    }
  }
  expect.soft(await page.locator("h1").count(), name).toBe(1);
  expect.soft(await countWords(page), name).toBeGreaterThan(5);
  expect.soft(await findNarrowCaptions(page), name).toEqual([]);
  expect.soft(await findNamelessControls(page), name).toEqual([]);
  const scripts = await page
    .locator("script")
    .evaluateAll((all) => all.map((one) => (one as unknown as { src: string }).src));
  expect
    .soft(
      scripts.filter((src) => !src.endsWith("/passkeys.js")),
      name,
    )
    .toEqual([]);
  expect.soft(await walkByKeyboard(page), name).toEqual([]);
}

/** Numbers the controls; the numbers and beginnings of those that the Tab key has to reach. Runs in the page. */
const NUMBER = `[...document.querySelectorAll(${JSON.stringify(CONTROLS)})].flatMap((one, index) => {
  if (!one.checkVisibility() || one.disabled || one.type === "radio") return [];
  one.dataset.walk = index;
  return [[String(index), one.outerHTML.slice(0, 90)]];
})`;
/** The number of the control with the focus, and its outline in CSS pixels. Runs in the page. */
const FOCUS = `[document.activeElement.dataset.walk ?? null, Number.parseFloat(getComputedStyle(document.activeElement).outlineWidth)]`;

/** Controls that the Tab key does not reach, or whose focus cannot be seen. */
async function walkByKeyboard(page: Page): Promise<string[]> {
  const wanted = new Map(await page.evaluate<[string, string][]>(NUMBER));
  const hidden: string[] = [];
  const [reached, most] = [new Set<string>(), wanted.size + 12];
  for (let step = 0; step < most && reached.size < wanted.size; step += 1) {
    await page.keyboard.press("Tab");
    const [at, outline] = await page.evaluate<[string | null, number]>(FOCUS);
    if (at === null) continue;
    reached.add(at);
    if (outline < 2) hidden.push(`no visible focus: ${wanted.get(at)}`);
  }
  const left = [...wanted].filter(([index]) => !reached.has(index));
  return [...left.map(([, html]) => `not reached: ${html}`), ...hidden];
}
