import type { Child } from "hono/jsx";
import { roundUp, SIZE, writeNumber } from "./scale.ts";

/** One column: its parts from the bottom up, in the order of the legend. */
export interface Column {
  /** Its time, for people. */
  label: string;
  parts: readonly number[];
}

/** What a chart of columns shows. */
interface ColumnsProps {
  title: string;
  /** Names of the parts, with the class that colours them. */
  legend: readonly { name: string; tone: string }[];
  columns: readonly Column[];
}

/** Stacked columns over time, with a legend and the numbers as a table. Works without script and style. */
export function Columns({ title, legend, columns }: ColumnsProps) {
  const high = roundUp(columns.map(({ parts }) => sum(parts)));
  const width = SIZE.width / Math.max(columns.length, 1);
  return (
    <ChartFrame
      title={title}
      high={writeNumber(high)}
      first={columns[0]?.label}
      last={columns.at(-1)?.label}
      legend={legend.map(({ name, tone }) => (
        <li>
          <svg viewBox="0 0 10 10" aria-hidden="true">
            <rect width="10" height="10" rx="2" class={tone} />
          </svg>
          {name}
        </li>
      ))}
      head={["Time", ...legend.map(({ name }) => name)]}
      rows={columns.map(({ label, parts }) => [label, ...parts.map(writeNumber)])}
    >
      {columns.map(({ label, parts }, index) => (
        <g>
          <title>{`${label}: ${legend.map(({ name }, part) => `${name} ${writeNumber(parts[part] ?? 0)}`).join(", ")}`}</title>
          <rect x={index * width} y="0" width={width} height={SIZE.height} fill="transparent" />
          {parts.map((count, part) => {
            const height = (count / high) * SIZE.height;
            const below = (sum(parts.slice(0, part)) / high) * SIZE.height;
            return count === 0 ? null : (
              <rect
                x={(index + 0.12) * width}
                y={round(SIZE.height - below - height)}
                width={round(width * 0.76)}
                height={round(height)}
                class={legend[part]?.tone}
              />
            );
          })}
        </g>
      ))}
    </ChartFrame>
  );
}

/** What surrounds the drawing of every chart. */
interface ChartFrameProps {
  title: string;
  /** The number at the top of the axis. */
  high: string;
  first: string | undefined;
  last: string | undefined;
  legend: Child;
  head: readonly string[];
  rows: readonly (readonly string[])[];
  children: Child;
}

/** A chart's caption, axis labels, legend, and its numbers as a table. */
export function ChartFrame({ title, high, first, last, legend, head, rows, children }: ChartFrameProps) {
  return (
    <figure>
      <figcaption>{title}</figcaption>
      <div class="chart">
        <span class="high">{high}</span>
        <span class="low">0</span>
        <svg
          viewBox={`0 0 ${SIZE.width} ${SIZE.height}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={title}
        >
          {children}
        </svg>
        <div class="ends">
          <span>{first}</span>
          <span>{last}</span>
        </div>
      </div>
      <ul class="legend">{legend}</ul>
      <details>
        <summary class="small">As a table</summary>
        <div class="scroll">
          <table>
            <thead>
              <tr>
                {head.map((name, index) => (
                  <th class={index > 0 ? "number" : undefined}>{name}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map(([label, ...cells]) => (
                <tr>
                  <th>{label}</th>
                  {cells.map((cell) => (
                    <td class="number">{cell}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  );
}

function sum(parts: readonly number[]): number {
  return parts.reduce((total, part) => total + part, 0);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
