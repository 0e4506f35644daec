import { element, table } from "../../../shared/web/view/build-elements.ts";
import { connectHost, type HostAnswer, type HostCall } from "../../../shared/web/view/connect-host.ts";
import { writeValue } from "../charts/chart.ts";
import { readChart } from "../charts/read-answer.ts";
import { ChartPanel } from "./chart/chart-panel.ts";

/**
 * Shows the answers of the analytics tools: as a chart with a table behind it, as a table, or as their text.
 */
const place = document.querySelector("main") as HTMLElement;

const host = connectHost({ name: "gatehouse-analytics-chart", show });

function show(answer: HostAnswer, call: HostCall): void {
  place.replaceChildren(...render(answer), ...offerSeries(answer, call));
}

function render({ structuredContent, content, isError }: HostAnswer): Node[] {
  const chart = isError ? undefined : readChart(structuredContent);
  if (chart) return [new ChartPanel(chart, tableOf(structuredContent)).root];
  const rows = isError ? undefined : tableOf(structuredContent);
  if (rows) return [element("div", { class: "scroll" }, rows)];
  const text = content?.find(({ type }) => type === "text")?.text ?? "There is nothing to show.";
  return [element("p", isError ? { class: "error", role: "alert" } : {}, text)];
}

/**
 * Offers to load the measured series, which an answer without a picture does not contain. The view requests it
 * when the user wants it.
 */
function offerSeries({ structuredContent }: HostAnswer, { tool, args }: HostCall): Node[] {
  const { anomalies, series, columns, recent } = (structuredContent ?? {}) as Record<string, unknown>;
  const isShort =
    (Array.isArray(anomalies) && series === undefined && args.by === undefined) ||
    (Array.isArray(columns) && columns.includes("forecast") && recent === undefined);
  if (!isShort || tool === undefined) return [];
  const said = element("span", { class: "error", role: "alert" });
  const button = element("button", { type: "button" }, "Show what was measured");
  button.addEventListener("click", () => {
    button.disabled = true;
    const asked = { ...args, chart: "auto" };
    host.callTool(tool, asked).then(
      (answer) => show(answer, { tool, args: asked }),
      (error: Error) => {
        said.textContent = error.message;
        button.disabled = false;
      },
    );
  });
  return [element("p", {}, button, " ", said)];
}

type Cell = string | number | null;

/** The rows of an answer as they are, with units. */
function tableOf(answer: unknown): HTMLTableElement | undefined {
  const { columns, rows, units, contributions, anomalies, period } = (answer ?? {}) as {
    columns?: string[];
    rows?: Cell[][];
    units?: Record<string, string>;
    contributions?: Record<string, Cell>[];
    anomalies?: Record<string, Cell | Cell[]>[];
    period?: string;
  };
  const caption = period?.replace("..", " to ") ?? "";
  if (Array.isArray(contributions) && contributions.length > 0) {
    const names = Object.keys(contributions[0] ?? {});
    const listed = contributions.map((row) => names.map((name) => row[name] ?? null));
    return table(caption, names.map(spaced), listed, (value) => writeValue(value, "count"));
  }
  if (Array.isArray(anomalies) && anomalies.length > 0) {
    const names = ["at", "member", "value", "expected", "why"].filter((name) => name in (anomalies[0] ?? {}));
    const listed = anomalies.map((row) => names.map((name) => (row[name] ?? null) as Cell));
    return table(caption, names.map(spaced), listed, (value) => writeValue(value, "count"));
  }
  if (!Array.isArray(columns) || !Array.isArray(rows)) return undefined;
  const unitOf = (name: string) =>
    name.endsWith("_percent") ? "percent" : (units?.[name.replace(/_previous$/, "")] ?? "count");
  return table(caption, columns.map(spaced), rows, (value, column) =>
    writeValue(value, unitOf(columns[column] ?? "")),
  );
}

function spaced(name: string): string {
  return name.replaceAll("_", " ");
}
