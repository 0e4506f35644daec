import type { Chart, Point } from "../../charts/chart.ts";

/** Reads SVG that this code has written itself, as XML: nothing in it can become HTML or run. */
export function parseSvg(text: string): SVGElement {
  const parsed = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  return document.importNode(parsed, true) as unknown as SVGElement;
}

/** What stands nearest to a place: along the axis of the categories, in a heat map in both directions. */
export function pointAt(chart: Chart, points: readonly Point[], x: number, y: number): Point | undefined {
  const distance = (point: Point) => {
    if (chart.kind === "heat") return (point.x - x) ** 2 + (point.y - y) ** 2;
    return Math.abs(chart.isTime ? point.x - x : point.y - y);
  };
  let nearest: Point | undefined;
  for (const point of points) if (!nearest || distance(point) < distance(nearest)) nearest = point;
  return nearest;
}
