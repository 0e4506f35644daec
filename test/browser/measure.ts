import { readFileSync } from "node:fs";
import path from "node:path";
import type { Page } from "playwright-core";

/** A piece of text whose colour does not stand out enough from what is behind it. */
export interface FaintText {
  text: string;
  ratio: number;
}

const source = readFileSync(path.join(import.meta.dirname, "in-page.js"), "utf8").replace(/^export /m, "");

/** Every visible text below 4.5:1 (WCAG 2.2, 1.4.3), as the browser paints it. */
export const findFaintTexts = (page: Page) => run<FaintText[]>(page, "faintTexts(4.5)");

/** How many words the page shows; none means that there was nothing to measure. */
export const countWords = (page: Page) => run<number>(page, "textsMeasured()");

/** CSS pixels by which the page is wider than its window. */
export const findOverflow = (page: Page) => run<number>(page, "overflow()");

/** Mean of the red, green and blue of the page's ground, 0 to 255. */
export const readGroundBrightness = (page: Page) => run<number>(page, "groundBrightness()");

/** Buttons, links and fields that a screen reader could not name. */
export const findNamelessControls = (page: Page) => run<string[]>(page, "namelessControls()");

/** Width in CSS pixels of the outline around the focused element. */
export const readFocusOutline = (page: Page) => run<number>(page, "focusOutline()");

function run<T>(page: Page, call: string): Promise<T> {
  return page.evaluate<T>(`(() => { ${source}; return inPage.${call}; })()`);
}
