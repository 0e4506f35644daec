import { ToolError } from "../../../shared/call/tool-error.ts";
import type { KnownSizes } from "./sizes.ts";

/** One row of `EXPLAIN QUERY PLAN`. */
export interface PlanStep {
  id: number;
  parent: number;
  detail: string;
}

/**
 * Maximum estimated row visits of a statement. A deployed D1 stops a statement after 30 seconds, a local one
 * never does, and neither can be interrupted by the caller: a statement that would run too long must be
 * refused before it starts. The local engine makes about 100 million plain visits a second.
 */
const MAX_VISITS = 100_000_000;

/** Minimum assumed rows of a virtual table: the elements of a JSON list. */
const LIST_ROWS = 1_000;

/** Columns with so many different values that a lookup finds few rows. */
const SELECTIVE = new Set(["customer_id", "occurred_at", "id", "day", "hour", "week_start", "event_key"]);

/** Assumed distinct values of any other column: a join on a region or a kind matches many rows. */
const FEW_VALUES = 10;

/** A loop of the plan with the name of its table; names may have spaces. */
const LOOP = /^(?:SCAN|SEARCH) (.+?)(?: USING .*| VIRTUAL TABLE .*| EXISTS| LEFT-JOIN)*$/;

/** A subquery that is computed separately. */
const SUBQUERY = /^(?:MATERIALIZE|CO-ROUTINE) (.+)$/;

/**
 * Estimates the row visits of a statement. Joined tables are siblings in the plan and multiply; a lookup by
 * an index counts the rows that share a value, a lookup by row id counts 1. Throws `invalid_input` over
 * {@link MAX_VISITS}, and for recursion, which has no known bound.
 */
export function boundCost(plan: readonly PlanStep[], sizes: KnownSizes): number {
  if (plan.some(({ detail }) => detail.startsWith("RECURSIVE STEP"))) {
    throw new ToolError(
      "invalid_input",
      "Recursive queries are not run: nothing bounds how long they take.",
      {
        suggestedAction:
          "For a series of dates use the table calendar (day, week_start, month, quarter, year); for a list use json_each(?).",
      },
    );
  }
  const visits = countVisits(plan, 0, sizes, new Map());
  if (visits > MAX_VISITS) {
    const about = visits.toExponential(0);
    throw new ToolError(
      "invalid_input",
      `The statement would visit about ${about} rows, which is too many.`,
      {
        suggestedAction:
          "Join on a column (ON a.x = b.x), aggregate before joining, or narrow occurred_at with WHERE.",
      },
    );
  }
  return visits;
}

function countVisits(
  plan: readonly PlanStep[],
  parent: number,
  sizes: KnownSizes,
  produced: Map<string, number>,
): number {
  let nested = 1;
  let loops = 0;
  let separate = 0;
  for (const step of plan.filter((candidate) => candidate.parent === parent)) {
    const inside = countVisits(plan, step.id, sizes, produced);
    const loop = LOOP.exec(step.detail)?.[1];
    const subquery = SUBQUERY.exec(step.detail)?.[1];
    // A correlated subquery runs again for each row of the outer query.
    const isRepeated = /^(?:CORRELATED|MULTI-INDEX OR)/.test(step.detail);
    if (loop !== undefined) nested *= countLoop(step.detail, loop.toLowerCase(), sizes, produced);
    if (isRepeated) nested *= Math.max(1, inside);
    else separate += inside;
    if (loop !== undefined || isRepeated) loops++;
    if (subquery !== undefined) {
      const name = subquery.toLowerCase();
      produced.set(name, estimateResult(inside, sizes.shapes.get(name)));
    }
  }
  return (loops > 0 ? nested : 0) + separate;
}

function countLoop(
  detail: string,
  name: string,
  sizes: KnownSizes,
  produced: ReadonlyMap<string, number>,
): number {
  if (detail === "SCAN CONSTANT ROW") return 1;
  if (detail.includes(" VIRTUAL TABLE INDEX ")) return Math.max(LIST_ROWS, sizes.list);
  const rows = Math.max(1, findRows(name, sizes, produced));
  if (detail.startsWith("SCAN")) return rows;
  if (detail.includes("(rowid=?)")) return 1;
  return Math.max(1, countMatches(detail, rows));
}

/** Rows that a lookup matches: the plan names its columns as `(kind=? AND occurred_at>?)`. */
function countMatches(detail: string, rows: number): number {
  const condition = /\(([^()]*)\)$/.exec(detail.replace(/( EXISTS| LEFT-JOIN)+$/, ""))?.[1] ?? "";
  return condition.split(" AND ").reduce((left, term) => {
    if (!term.endsWith("=?")) return left / 2;
    return left / (SELECTIVE.has(term.slice(0, -2)) ? Math.sqrt(rows) : FEW_VALUES);
  }, rows);
}

function findRows(name: string, sizes: KnownSizes, produced: ReadonlyMap<string, number>): number {
  const known = produced.get(name) ?? sizes.rows.get(name);
  if (known !== undefined) return known;
  const meant = [...(sizes.aliases.get(name) ?? [])].map((other) => produced.get(other) ?? 0);
  const largest = Math.max(0, ...meant);
  return largest > 0 ? largest : sizes.largest;
}

function estimateResult(visits: number, shape: "one_row" | "grouped" | undefined): number {
  if (shape === "one_row") return 1;
  // An estimate between the few groups of a report and one group for every row.
  return shape === "grouped" ? visits ** 0.75 : visits;
}
