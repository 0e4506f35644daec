import { z } from "zod";
import type { NamedQuery } from "../../../shared/connections/kinds/sql.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { defineTool, type ToolContext, type ToolDefinition } from "../../../shared/server/define.ts";
import type { SqlHandle } from "./handle.ts";
import { presentRows, rowsShape } from "./rows-shape.ts";

/** The tool of a statement that the company wrote. */
export function namedQueryTool(connection: string, name: string, query: NamedQuery): ToolDefinition {
  const { title, description, effect, parameters } = query;
  const shape = Object.fromEntries(
    Object.entries(parameters).map(([parameter, rule]) => [parameter, fieldOf(rule)]),
  );
  const writes = effect !== "read";
  return defineTool({
    name: `${connection}_${name}`,
    title,
    description,
    effect,
    scope: `${connection}:${effect === "read" ? "read" : effect === "delete" ? "delete" : "write"}`,
    openWorld: true,
    input: z.object(shape),
    output: z.object({
      ...rowsShape,
      ...(writes && { changed: z.number().describe("Rows that were changed") }),
    }),
    overflow: "rows",
    async run(input: Record<string, JsonValue | undefined>, context: ToolContext<SqlHandle>) {
      const values = Object.keys(parameters).map((parameter) => input[parameter] ?? null);
      const answer = await context.store.runNamed(name, query, values, context);
      return { ...presentRows(answer), ...(writes && { changed: answer.changed ?? 0 }) };
    },
  } as Parameters<typeof defineTool>[0]) as unknown as ToolDefinition;
}

type Parameter = NamedQuery["parameters"][string];

const TYPES: Record<Parameter["type"], () => z.ZodType> = {
  text: () => z.string().max(10_000),
  integer: () => z.int(),
  number: () => z.number(),
  boolean: () => z.boolean(),
  date: () => z.iso.date(),
  timestamp: () => z.iso.datetime({ offset: true }),
};

function fieldOf({ type, description, optional, values, examples }: Parameter): z.ZodType {
  const base = values === undefined ? TYPES[type]() : z.literal(values as [string, ...string[]]);
  const about = examples === undefined ? description : `${description} Examples: ${examples.join(", ")}`;
  return (optional ? base.optional() : base).describe(about);
}
