import { ChartFrame } from "./columns.tsx";
import { roundUp, SIZE, writeDuration } from "./scale.ts";

/** One line: a duration in milliseconds for each label; `null` where there is none. */
export interface Line {
  name: string;
  /** The class that colours it. */
  tone: string;
  values: readonly (number | null)[];
}

/** Durations over time, one line each. A span without a value interrupts its line. */
export function Lines({
  title,
  labels,
  lines,
}: {
  title: string;
  labels: readonly string[];
  lines: readonly Line[];
}) {
  const high = roundUp(lines.flatMap(({ values }) => values.flatMap((value) => value ?? [])));
  return (
    <ChartFrame
      title={title}
      high={writeDuration(high)}
      first={labels[0]}
      last={labels.at(-1)}
      legend={lines.map(({ name, tone }) => (
        <li>
          <svg viewBox="0 0 10 10" aria-hidden="true">
            <polyline points="0,5 10,5" class={tone} />
          </svg>
          {name}
        </li>
      ))}
      head={["Time", ...lines.map(({ name }) => name)]}
      rows={labels.map((label, index) => [
        label,
        ...lines.map(({ values }) => writeDuration(values[index] ?? null)),
      ])}
    >
      {lines.flatMap(({ tone, values }) =>
        splitRuns(values).map((run) => (
          <polyline
            class={tone}
            points={run.map(([index, value]) => placePoint(index, value, labels.length, high)).join(" ")}
          />
        )),
      )}
    </ChartFrame>
  );
}

type Point = readonly [index: number, value: number];

/** The stretches without a gap. A value between two gaps becomes a short line of its own. */
function splitRuns(values: readonly (number | null)[]): Point[][] {
  const runs: Point[][] = [];
  for (const [index, value] of values.entries()) {
    if (value === null) continue;
    const last = runs.at(-1);
    if (last && last.at(-1)?.[0] === index - 1) last.push([index, value]);
    else runs.push([[index, value]]);
  }
  return runs.map((run) => {
    const [only] = run;
    return run.length === 1 && only
      ? [
          [only[0] - 0.2, only[1]],
          [only[0] + 0.2, only[1]],
        ]
      : run;
  });
}

function placePoint(index: number, value: number, count: number, high: number): string {
  const x = ((index + 0.5) / Math.max(count, 1)) * SIZE.width;
  const y = SIZE.height - (value / high) * SIZE.height;
  return `${Math.round(x * 10) / 10},${Math.round(y * 10) / 10}`;
}
