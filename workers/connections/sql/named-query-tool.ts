import { z } from "zod";
import { type NamedQuery, parametersOf } from "../../../shared/connections/kinds/sql.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { defineTool, type ToolContext, type ToolDefinition } from "../../../shared/server/define.ts";
import { idempotencyField } from "../../../shared/server/idempotency.ts";
import type { SqlHandle } from "./handle.ts";
import { presentRows, rowsShape } from "./rows-shape.ts";

/** The tool of a statement that the company wrote. */
export function namedQueryTool(connection: string, name: string, query: NamedQuery): ToolDefinition {
  const { title, description, effect, parameters } = query;
  const shape = Object.fromEntries(
    Object.entries(parameters).map(([parameter, rule]) => [parameter, fieldOf(rule)]),
  );
  const writes = effect !== "read";
  // A statement that takes the key itself gets it as every other parameter.
  if (writes) shape.idempotency_key = keyField(parameters.idempotency_key);
  const tool = `${connection}_${name}`;
  return defineTool({
    name: tool,
    title,
    description,
    effect,
    scope: `${connection}:${effect === "read" ? "read" : effect === "delete" ? "delete" : "write"}`,
    openWorld: true,
    input: z.object(shape),
    output: z.object({
      ...rowsShape,
      ...(writes && {
        changed: z.number().nullable().describe("Rows that were changed; null if the database does not say"),
        replayed: z.boolean().describe("True if an earlier call with this key did it"),
        note: z.string().optional().describe("What is missing from the answer"),
      }),
    }),
    overflow: "rows",
    ...(writes && {
      async check(input: Input, { store }: Pick<ToolContext<SqlHandle>, "store">) {
        await store.refuseKey(store.keyOf(tool, query, input));
      },
    }),
    async run(input: Input, context: ToolContext<SqlHandle>) {
      const values = parametersOf(query).map((parameter) => input[parameter] ?? null);
      const once = writes ? context.store.keyOf(tool, query, input) : undefined;
      const answer = await context.store.runNamed(name, query, values, context, once);
      const { changed, replayed = false, rowsKept } = answer;
      return {
        ...presentRows(answer),
        ...(writes && { changed, replayed }),
        ...(rowsKept === false && { note: NOT_KEPT }),
      };
    },
  } as Parameters<typeof defineTool>[0]) as unknown as ToolDefinition;
}

const NOT_KEPT = "The earlier call with this key was carried out. Its rows were too large to be kept.";

type Input = Readonly<Record<string, JsonValue | undefined>>;

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

/** The key of a write; of a statement that takes it too, as the entry describes it. */
function keyField(declared: Parameter | undefined): z.ZodType {
  if (declared === undefined) return idempotencyField.optional();
  const field = idempotencyField.describe(declared.description);
  return declared.optional ? field.optional() : field;
}
