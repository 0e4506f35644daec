import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { defineTool, type ToolContext, type ToolDefinition } from "../../../shared/server/define.ts";
import { findNearMisses } from "../../../shared/text/near-misses.ts";
import { describeTable, findTables } from "./describe-catalogue.ts";
import { PLACEHOLDERS, type SqlEntry, type SqlHandle } from "./handle.ts";
import { namedQueryTool } from "./named-query-tool.ts";
import type { CatalogueTable } from "./operation.ts";
import { presentRows, rowsShape } from "./rows-shape.ts";

const DIALECTS: Readonly<Record<SqlEntry["kind"], string>> = {
  postgresql: "PostgreSQL",
  mysql: "MySQL",
  clickhouse: "ClickHouse",
  oracle: "Oracle",
};

/** Most parameters of a statement. */
const MOST_VALUES = 100;

const value = z.union([z.string().max(100_000), z.number(), z.boolean(), z.null()]);

/** The tools of an SQL connection: two, the plan if it is offered, and one for each named query. */
export function sqlTools(name: string, entry: SqlEntry): ToolDefinition[] {
  const tools = [searchObjects(name, entry), query(name, entry)];
  if (entry.explain) tools.push(explain(name, entry));
  for (const [queryName, named] of Object.entries(entry.queries))
    tools.push(namedQueryTool(name, queryName, named));
  return tools;
}

function searchObjects(name: string, { title, description }: SqlEntry): ToolDefinition {
  return defineTool({
    name: `${name}_search_objects`,
    title: `Find tables of ${title}`,
    effect: "read",
    scope: `${name}:read`,
    openWorld: true,
    description: `Finds tables and columns of ${title} (${withoutStop(description)}) by words, or shows one table with keys and comments. Call it before ${name}_query.`,
    input: z.object({
      words: z.string().max(200).optional().describe("Words in names and comments. Without: every table"),
      table: z.string().max(200).optional().describe("schema.table, to see all of its columns"),
    }),
    output: z.object({
      tables: z.array(
        z.object({
          table: z.string(),
          kind: z.enum(["table", "view"]),
          rows: z.number().optional().describe("Estimate"),
          about: z.string().optional(),
          columns: z.array(z.string()).optional().describe("name type, then what is special"),
          keys: z.array(z.string()).optional(),
        }),
      ),
    }),
    overflow: "tables",
    async run({ words, table }, context: ToolContext<SqlHandle>) {
      const { store } = context;
      const all = await store.catalogue(context);
      if (table === undefined) return { tables: findTables(all, words ?? "", store) };
      const isNamed = (wanted: string, fold: (name: string) => string) => (known: CatalogueTable) =>
        fold(`${known.schema}.${known.name}`) === fold(wanted) || fold(known.name) === fold(wanted);
      const found =
        all.find(isNamed(table, String)) ?? all.find(isNamed(table, (written) => written.toLowerCase()));
      if (found) return { tables: [describeTable(found, store)] };
      const near = findNearMisses(
        table,
        all.map(({ schema, name: own }) => `${schema}.${own}`),
      );
      const hint = near.length > 0 ? ` Did you mean ${near.join(" or ")}?` : "";
      throw new ToolError("not_found", `There is no table "${table}".${hint}`, {
        suggestedAction: "Call the tool without `table` to list all tables.",
      });
    },
  }) as unknown as ToolDefinition;
}

function query(name: string, { title, kind, limits }: SqlEntry): ToolDefinition {
  const placeholder = PLACEHOLDERS[kind];
  return defineTool({
    name: `${name}_query`,
    title: `Query ${title}`,
    effect: "read",
    scope: `${name}:read`,
    openWorld: true,
    description: `Runs one read-only ${DIALECTS[kind]} statement on ${title}. Put values into parameters, with ${placeholder} in the statement. Aggregate in SQL: at most ${limits.rows} rows are returned.`,
    input: z.object({
      sql: z.string().min(1).max(20_000).describe("One SELECT or WITH statement"),
      parameters: z.array(value).max(MOST_VALUES).default([]),
      limit: z.int().min(1).max(limits.rows).default(Math.min(100, limits.rows)).describe("Most rows"),
    }),
    output: z.object(rowsShape),
    overflow: "rows",
    timeoutMs: (limits.seconds + 5) * 1_000,
    async run({ sql, parameters, limit }, context: ToolContext<SqlHandle>) {
      return presentRows(await context.store.query(sql, parameters, limit, context));
    },
  }) as unknown as ToolDefinition;
}

function explain(name: string, { title, limits }: SqlEntry): ToolDefinition {
  return defineTool({
    name: `${name}_explain`,
    title: `Show a plan of ${title}`,
    effect: "read",
    scope: `${name}:read`,
    openWorld: true,
    description: `Shows how ${title} would run a statement, without running it. For statements of ${name}_query that are too slow.`,
    input: z.object({
      sql: z.string().min(1).max(20_000).describe("One SELECT or WITH statement"),
      parameters: z.array(value).max(MOST_VALUES).default([]),
    }),
    output: z.object(rowsShape),
    timeoutMs: (limits.seconds + 5) * 1_000,
    async run({ sql, parameters }, context: ToolContext<SqlHandle>) {
      return presentRows(await context.store.explain(sql, parameters, context));
    },
  }) as unknown as ToolDefinition;
}

function withoutStop(text: string): string {
  return text.replace(/\.$/, "");
}
