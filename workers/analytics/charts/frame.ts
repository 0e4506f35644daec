import type { Theme } from "./themes.ts";

/** What a kind of chart draws into: the area that is left for it. */
export interface Frame {
  left: number;
  top: number;
  right: number;
  bottom: number;
  theme: Theme;
  colours: readonly string[];
}

/** Size of text on axes, in pixels of the picture. */
export const AXIS_SIZE = 13;
