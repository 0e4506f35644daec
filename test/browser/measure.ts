import { readFileSync } from "node:fs";
import path from "node:path";
import type { Page } from "playwright-core";

/** A text whose contrast with its background is too low. */
export interface FaintText {
  text: string;
  ratio: number;
}

const source = readFileSync(path.join(import.meta.dirname, "in-page.js"), "utf8").replace(/^export /m, "");

/** Every visible text below 4.5:1 (WCAG 2.2, 1.4.3), as the browser paints it. */
export const findFaintTexts = (page: Page) => run<FaintText[]>(page, "faintTexts(4.5)");

/** Number of words on the page; zero means that there was nothing to measure. */
export const countWords = (page: Page) => run<number>(page, "textsMeasured()");

/** CSS pixels by which the page is wider than its window. */
export const findOverflow = (page: Page) => run<number>(page, "overflow()");

/** Captions of tables that have so little room that their words break apart. */
export const findNarrowCaptions = (page: Page) => run<string[]>(page, "narrowCaptions()");

/** Mean of red, green and blue of the page's background, 0 to 255. */
export const readGroundBrightness = (page: Page) => run<number>(page, "groundBrightness()");

/** Buttons, links and fields without an accessible name. */
export const findNamelessControls = (page: Page) => run<string[]>(page, "namelessControls()");

/** Width in CSS pixels of the outline around the focused element. */
export const readFocusOutline = (page: Page) => run<number>(page, "focusOutline()");

function run<T>(page: Page, call: string): Promise<T> {
  return page.evaluate<T>(`(() => { ${source}; return inPage.${call}; })()`);
}
