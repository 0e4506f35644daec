import type { Statement } from "./count-reads.ts";

/** One step of a statement's plan. */
export type PlanStep = ReadStep | SortStep;

/** Reads rows of a table. */
export interface ReadStep {
  /**
   * `search` looks up an index and reads while the condition holds; `walk` reads a whole index in its order,
   * limited by LIMIT only; `scan` reads everything.
   */
  does: "search" | "walk" | "scan";
  /** The table, not its alias. Several when the statement gives one alias to several tables. */
  tables: readonly string[];
  /** The index: its name, `row id`, `primary key`, `unique key`, `full text`, `word`; empty for a scan. */
  index: string;
  /** Columns of the search, such as `kind, day range`. */
  columns: string;
  /** True for rows of the statement itself: a common table expression, a subquery, a JSON parameter. */
  isOwn: boolean;
}

/** Sorts, groups or deduplicates rows with a temporary b-tree. */
export interface SortStep {
  does: "sort";
  /** `ORDER BY`, `GROUP BY`, `DISTINCT`, … */
  what: string;
  /** The first source of the sorted rows. */
  over: ReadStep | undefined;
}

interface PlanRow {
  id: number;
  parent: number;
  detail: string;
}

/** Reads the plan of a statement, with the values of its run. */
export async function explainStatement(db: D1Database, { sql, values }: Statement): Promise<PlanStep[]> {
  const { results } = await db
    .prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .bind(...values)
    .all<PlanRow>();
  return readPlan(results, sql);
}

/** The growing tables that are read completely: by a scan, along an index, or to build a temporary index. */
export function findFullScans(plan: readonly PlanStep[], growing: readonly string[]): ReadStep[] {
  return plan.filter(
    (step): step is ReadStep =>
      step.does !== "sort" &&
      (step.does !== "search" || step.index === TEMPORARY) &&
      step.tables.some((table) => growing.includes(table)),
  );
}

/**
 * A plan in one line, such as `daily_totals by primary key (kind, day range), sorts daily_totals for GROUP
 * BY`. Omits the statement's own rows, which are as many as it read before. Empty for a statement without
 * tables.
 */
export function describePlan(plan: readonly PlanStep[]): string {
  const clauses = new Map<string, Set<string>>();
  for (const step of plan) {
    if (step.does !== "sort" && step.isOwn) continue;
    const [place, word] = step.does === "sort" ? describeSort(step) : describeRead(step);
    clauses.set(place, (clauses.get(place) ?? new Set()).add(word));
  }
  return [...clauses].map(([place, words]) => place.replace("…", [...words].join(" and "))).join(", ");
}

const TEMPORARY = "an index made for this question";
const UNIQUE = "unique key";

/** A clause with `…` for its tables. */
function describeRead({ does, tables, index, columns }: ReadStep): [clause: string, table: string] {
  const table = tables.join(" or ");
  if (does === "scan") return ["SCAN of …", table];
  if (does === "walk") return [`… along ${index}`, table];
  if (index === UNIQUE) return [`… by ${columns}`, table];
  return [`… by ${index}${columns === "" ? "" : ` (${columns})`}`, table];
}

/** A clause with `…` for the purpose of the sort. */
function describeSort({ what, over }: SortStep): [clause: string, what: string] {
  const rows = over === undefined ? "" : over.isOwn ? " what it found" : ` ${over.tables.join(" or ")}`;
  return [`sorts${rows} for …`, what];
}

/** Reads the rows of EXPLAIN QUERY PLAN (https://www.sqlite.org/eqp.html). */
function readPlan(rows: readonly PlanRow[], sql: string): PlanStep[] {
  const names = { tables: readAliases(sql), own: readOwn(rows) };
  const steps = rows.map(({ parent, detail }) => ({ parent, detail, read: readStep(detail, names) }));
  return steps.flatMap<PlanStep>(({ parent, detail, read }) => {
    const what = /^USE TEMP B-TREE FOR (.+)$/.exec(detail)?.[1];
    if (what === undefined) return read ?? [];
    const over = steps.find((step) => step.parent === parent && step.read !== undefined)?.read;
    return { does: "sort", what, over };
  });
}

interface Names {
  /** Tables by alias. */
  tables: ReadonlyMap<string, readonly string[]>;
  /** Common table expressions and subqueries that are computed first or row by row. */
  own: ReadonlySet<string>;
}

function readOwn(rows: readonly PlanRow[]): Set<string> {
  return new Set(rows.flatMap(({ detail }) => /^(?:MATERIALIZE|CO-ROUTINE) (\S+)/.exec(detail)?.[1] ?? []));
}

function readStep(detail: string, names: Names): ReadStep | undefined {
  const plain = detail.replace(/ LEFT-JOIN$/, "");
  const [, verb, alias = "", how = ""] = /^(SCAN|SEARCH) (\S+)(?: EXISTS)?(?: (.*))?$/.exec(plain) ?? [];
  // A constant row is no table.
  if (verb === undefined || /CONSTANT ROWS?$/.test(plain)) return undefined;
  const tables = names.tables.get(alias) ?? [alias];
  const isOwn = tables.every((table) => names.own.has(table) || /^\(|^(?:json_|pragma_)/.test(table));
  const virtual = /^VIRTUAL TABLE INDEX (\d+):(.*)$/.exec(how);
  const index = virtual ? describeVirtual(Number(virtual[1]), virtual[2] ?? "") : describeIndex(how);
  const columns = describeColumns(/\((.*)\)$/.exec(how)?.[1] ?? "");
  if (virtual) return { tables, isOwn, does: index === "" ? "scan" : "search", index, columns: "" };
  // A search without a condition reads the minimum or maximum, at one end of the index.
  const end = index === "" ? "one end" : `one end of ${index}`;
  if (verb === "SEARCH")
    return { tables, isOwn, does: "search", index: how.endsWith(")") ? index : end, columns };
  return { tables, isOwn, does: index === "" ? "scan" : "walk", index, columns: "" };
}

/**
 * The constraints that FTS5 and its vocabulary received, as their `xBestIndex` encodes them: full-text
 * indexes in letters (`M` for MATCH, `<`, `>` and `=` for row ids), vocabularies in bits above the lowest
 * eight. Empty where they read everything.
 */
function describeVirtual(number: number, text: string): string {
  if (text !== "") return text.includes("M") ? "full text" : "row id";
  return number >= 256 ? "word" : "";
}

function describeIndex(how: string): string {
  if (/USING AUTOMATIC/.test(how)) return TEMPORARY;
  if (/USING INTEGER PRIMARY KEY/.test(how)) return "row id";
  if (/USING PRIMARY KEY/.test(how)) return "primary key";
  const name = /USING (?:COVERING )?INDEX (\S+)/.exec(how)?.[1] ?? "";
  return name.startsWith("sqlite_autoindex_") ? UNIQUE : name;
}

/** `kind=? AND day>? AND day<?` as `kind, day range`. */
function describeColumns(condition: string): string {
  const columns = condition.split(" AND ").flatMap((part) => {
    const [, name, operator] = /^(.+?)([=<>]+|\s(?:IN|IS)\b)/.exec(part.trim()) ?? [];
    if (name === undefined || name === "rowid") return [];
    return [/[<>]/.test(operator ?? "") ? `${name} range` : name];
  });
  return [...new Set(columns)].join(", ");
}

/** Keywords after a table's name, which are no alias. */
const KEYWORDS = new Set(
  "ON USING WHERE JOIN LEFT INNER CROSS NATURAL ORDER GROUP LIMIT UNION SET AS INDEXED NOT VALUES SELECT RETURNING HAVING".split(
    " ",
  ),
);

function readAliases(sql: string): Map<string, string[]> {
  const tables = new Map<string, Set<string>>();
  const read =
    /\b(?:FROM|JOIN|UPDATE|INTO)\s+(\w+)(?:\([^()]*(?:\([^()]*\))?[^()]*\))?(?=(?:\s+(?:AS\s+)?(\w+))?)/gi;
  for (const [, table = "", alias] of sql.matchAll(read)) {
    const name = alias === undefined || KEYWORDS.has(alias.toUpperCase()) ? table : alias;
    tables.set(name, (tables.get(name) ?? new Set()).add(table));
  }
  return new Map([...tables].map(([name, found]) => [name, [...found]]));
}
