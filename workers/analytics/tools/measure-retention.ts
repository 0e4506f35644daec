import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { percentOf } from "../amounts.ts";
import { describeNothing, withNotes } from "../answer.ts";
import { drawPicture } from "../charts/draw-picture.ts";
import { chartView } from "../charts/view.ts";
import { addDays, addMonths, firstDayOf, toDay } from "../days.ts";
import { chartField, notesShape, periodField, periodShape, rowsShape, selectionFields } from "../fields.ts";
import { formatPeriod, type Period, parsePeriod } from "../periods.ts";
import { QueryResolver } from "../query-resolver.ts";
import type { CohortCell, CohortGrain } from "../store/cohorts.ts";
import type { AnalyticsStore } from "../store.ts";

const MAX_COHORTS = 36;
const MAX_EVENTS = 3_000_000;

const DEFAULTS: Readonly<Record<CohortGrain, string>> = {
  day: "last_14_days",
  week: "last_12_weeks",
  month: "last_12_months",
};

/** Who comes back. */
export const measureRetention = defineTool({
  name: "analytics_retention",
  title: "Retention",
  effect: "read",
  costly: true,
  scope: "analytics:read",
  view: chartView,
  description:
    "Cohorts: of the customers whose first order (or visit) lies in a month, week or day, how many percent came back 1, 2, 3 … later.",
  input: z.object({
    activity: z.enum(["order", "visit"]).default("order").describe("What counts as coming back"),
    grain: z.enum(["month", "week", "day"]).default("month").describe("Length of a cohort"),
    period: periodField
      .optional()
      .describe("Cohorts and their return; default last_12_months, 12 weeks or 14 days"),
    ...selectionFields,
    chart: chartField,
  }),
  inherits: ["region", "segment"],
  output: z.object({
    period: periodShape,
    columns: z.array(z.string()).describe("cohort, people, then percent back after 1, 2, …"),
    rows: rowsShape.describe("null: not over yet"),
    average: z
      .array(z.number().nullable())
      .describe("Percent back after 1, 2, …, over all cohorts that had the time"),
    method: z.string(),
    notes: notesShape,
  }),
  overflow: "rows",
  content: drawPicture,
  timeoutMs: 60_000,
  async run(input, { store, now, signal }: ToolContext<AnalyticsStore>) {
    const question = new QueryResolver(store);
    const { grain, activity } = input;
    const asked = parsePeriod(input.period ?? DEFAULTS[grain], now);
    const period = wholeBuckets(asked, grain, now);
    const cohorts = listStarts(period, grain);
    // What is left out at the end began before today, so it is running.
    if (asked.to > toDay(now)) question.notes.push(`The running ${grain} was left out.`);
    if (cohorts.length === 0 || cohorts.length > MAX_COHORTS) {
      throw new ToolError(
        "invalid_input",
        `The period has ${cohorts.length} whole ${grain}s; 1 to ${MAX_COHORTS} can be shown.`,
        {
          suggestedAction: `Use another period or grain, for example ${DEFAULTS[grain]}.`,
        },
      );
    }
    const events = await store.countEvents([activity], period.from, period.to);
    if (events > MAX_EVENTS) {
      throw new ToolError(
        "result_too_large",
        `The period has ${events.toLocaleString("en")} events of this kind.`,
        {
          suggestedAction: "Use a shorter period, or the activity order.",
        },
      );
    }
    const filters = await question.filters("commerce", input, input.filters);
    const cells = await store.countCohorts({
      signal,
      kind: activity,
      grain,
      from: period.from,
      to: period.to,
      filters,
    });
    if (cells.length === 0) question.notes.push(await describeNothing(store, "commerce", period, filters));
    const people = new Map(cells.map((cell) => [`${cell.cohort} ${cell.age}`, cell.people]));
    const ages = cohorts.map((_, age) => age).slice(1);
    return withNotes(
      {
        period: formatPeriod(period),
        columns: ["cohort", "people", ...ages.map(String)],
        rows: cohorts.map((cohort, index) => {
          const size = people.get(`${cohort} 0`) ?? 0;
          return [
            grain === "month" ? cohort.slice(0, 7) : cohort,
            size,
            ...ages.map((age) =>
              index + age < cohorts.length ? percentOf(people.get(`${cohort} ${age}`) ?? 0, size) : null,
            ),
          ];
        }),
        average: ages.map((age) => averageAt(cells, cohorts, age)),
        method: `A cohort is all customers whose first ${activity} ever lies in the ${grain}; back are those with a ${activity} in that later ${grain}.`,
      },
      question.notes,
    );
  },
});

/** The average over people, not over cohorts: a small cohort does not weigh as much as a large one. */
function averageAt(cells: readonly CohortCell[], cohorts: readonly string[], age: number): number | null {
  const ripe = new Set(cohorts.slice(0, cohorts.length - age));
  const sum = (wanted: number) =>
    cells
      .filter((cell) => cell.age === wanted && ripe.has(cell.cohort))
      .reduce((all, { people }) => all + people, 0);
  return percentOf(sum(age), sum(0));
}

/** The whole buckets inside a period that are over: a running one would look like a loss. */
function wholeBuckets(period: Period, grain: CohortGrain, now: Date): Period {
  const start = (day: string) => (grain === "day" ? day : firstDayOf(day, grain));
  const from = start(period.from) === period.from ? period.from : nextStart(start(period.from), grain);
  const end = period.to < toDay(now) ? period.to : toDay(now);
  return { from, to: start(end), unit: "day", toDate: false };
}

function nextStart(day: string, grain: CohortGrain): string {
  if (grain === "month") return addMonths(day, 1);
  return addDays(day, grain === "week" ? 7 : 1);
}

function listStarts(period: Period, grain: CohortGrain): string[] {
  const starts: string[] = [];
  for (let day = period.from; day < period.to && starts.length <= MAX_COHORTS; day = nextStart(day, grain))
    starts.push(day);
  return starts;
}
