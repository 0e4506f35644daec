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
 * Measures a page light and dark, on a desk and on a phone, and takes pictures of each, of all focus rings, and of a page with
 * script also without it: readable, no wider than the window, one main
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
      await takePicture(page, `${name}-${colorScheme}-${size}`);
    }
    await takePictureOfFocus(page, `${name}-${colorScheme}-focus`);
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
  if (scripts.length > 0) await takePictureWithoutScript(page, `${name}-without-script`);
}

/** Takes a picture of a page as it looks with the keyboard's focus on every control. */
async function takePictureOfFocus(page: Page, name: string): Promise<void> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("DOM.enable");
  await cdp.send("CSS.enable");
  const { root } = await cdp.send("DOM.getDocument", { depth: 0 });
  const wanted = { nodeId: root.nodeId, selector: CONTROLS };
  const { nodeIds } = await cdp.send("DOM.querySelectorAll", wanted);
  const forcedPseudoClasses = ["focus", "focus-visible"];
  for (const nodeId of nodeIds) await cdp.send("CSS.forcePseudoState", { nodeId, forcedPseudoClasses });
  await takePicture(page, name);
  await cdp.detach();
}

/** Takes a picture of a page with the same address in a browser without script, signed in as this one. */
async function takePictureWithoutScript(page: Page, name: string): Promise<void> {
  const storageState = await page.context().storageState();
  const options = { storageState, javaScriptEnabled: false, viewport: PHONE };
  const plain = await page.context().browser()?.newPage(options);
  await plain?.goto(page.url());
  if (plain !== undefined) await takePicture(plain, name);
  await plain?.close();
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
