/** Width and height of every chart's coordinates; the page stretches them. */
export const SIZE = { width: 1_000, height: 100 } as const;

/** The least round number (1, 2 or 5 with zeros) that is not below any of these; 1 without any. */
export function roundUp(values: readonly number[]): number {
  const highest = Math.max(0, ...values.filter(Number.isFinite));
  if (highest === 0) return 1;
  const power = 10 ** Math.floor(Math.log10(highest));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= highest) ?? highest;
}

/** A number for people: `12,345`, `1.2M`. */
export function writeNumber(value: number): string {
  if (Math.abs(value) < 100_000) return Math.round(value).toLocaleString("en-US");
  return value.toLocaleString("en-US", { notation: "compact", maximumFractionDigits: 1 });
}

/** A duration for people: `85 ms`, `1.2 s`, `3 min`; a dash for none. */
export function writeDuration(ms: number | null): string {
  if (ms === null) return "–";
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  return `${Math.round(ms / 60_000)} min`;
}

/** A share for people: `0.3 %`; a dash when there is no whole. */
export function writeShare(part: number, whole: number): string {
  if (whole === 0) return "–";
  const percent = (100 * part) / whole;
  return `${percent === 0 || percent >= 10 ? percent.toFixed(0) : percent.toFixed(1)} %`;
}
