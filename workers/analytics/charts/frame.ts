import type { Theme } from "./themes.ts";

/** Drawing area of a kind of chart. */
export interface Frame {
  left: number;
  top: number;
  right: number;
  bottom: number;
  theme: Theme;
  colours: readonly string[];
}

/** Font size on axes, in pixels of the picture. */
export const AXIS_SIZE = 13;
