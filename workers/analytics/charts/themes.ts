/**
 * Colours of a chart. Series contrast at least 3:1 with the background, text 4.5:1 (WCAG 2.2, 1.4.3 and
 * 1.4.11).
 */
export interface Theme {
  ground: string;
  ink: string;
  quiet: string;
  grid: string;
  /** In the order of the series. */
  series: readonly string[];
  /** The group of all other members. */
  others: string;
  /** Marked points. */
  mark: string;
  /** From the smallest to the largest value of a heat map. */
  heat: readonly [from: string, to: string];
}

/** The two themes. Pictures are always light, with their own background, so both themes can show them. */
export const THEMES = {
  light: {
    ground: "#ffffff",
    ink: "#1b1f23",
    quiet: "#59605f",
    grid: "#e4e2da",
    series: ["#0c6a6c", "#c2570c", "#4b53b0", "#a02c64", "#5a7716", "#1f78b4", "#8a6d3b", "#7b3fa0"],
    others: "#7d8585",
    mark: "#b3201b",
    heat: ["#eef4f3", "#0c6a6c"],
  },
  dark: {
    ground: "#1a1f22",
    ink: "#e9ecec",
    quiet: "#a5afb0",
    grid: "#343c41",
    series: ["#5fc4bb", "#f0a35e", "#9ea9f5", "#ea8fba", "#a9cc5b", "#6db8ec", "#d3b98c", "#c79be8"],
    others: "#8b9596",
    mark: "#ff8f87",
    heat: ["#22302f", "#5fc4bb"],
  },
} as const satisfies Record<string, Theme>;

/** The colour of each series. */
export function colourSeries(theme: Theme, names: readonly string[]): string[] {
  let next = 0;
  return names.map((name) =>
    name === OTHERS ? theme.others : (theme.series[next++ % theme.series.length] ?? theme.others),
  );
}

/** Mixes two colours (`#rrggbb`); `share` from 0 to 1. */
export function mixColours(from: string, to: string, share: number): string {
  const part = (text: string, at: number) => Number.parseInt(text.slice(at, at + 2), 16);
  const mixed = [1, 3, 5].map((at) => Math.round(part(from, at) + (part(to, at) - part(from, at)) * share));
  return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

/** Whether dark text reads better on the colour than light text: relative luminance over 0.18 (WCAG 2.2). */
export function isLight(colour: string): boolean {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18;
}

/** Name of the group of all other members in an answer. */
export const OTHERS = "(other)";
