import { z } from "zod";
import { cache, callerField, commonFields, dataClass, limits, line } from "./common.ts";

/** A name as databases have it, without the characters that separate names. */
const identifier = z.string().regex(/^[^\s."'`;]{1,63}$/, "must be a name without quotes, dots and spaces");

/** `schema.table`; `*` stands for any characters. */
const tableGlob = z
  .string()
  .regex(/^[^\s."'`;]{1,63}\.[^\s."'`;]{1,63}$/, "must be schema.table, where * stands for any characters");

const columnName = z
  .string()
  .regex(/^[^\s."'`;]{1,63}\.[^\s."'`;]{1,63}\.[^\s."'`;]{1,63}$/, "must be schema.table.column");

const scalar = z.union([z.string().max(1_000), z.number(), z.boolean()]);

/** One parameter of a named query. */
const parameter = z.strictObject({
  type: z.enum(["text", "integer", "number", "boolean", "date", "timestamp"]),
  description: line(300),
  optional: z.boolean().default(false).describe("The statement gets NULL when it is left out."),
  values: z.array(scalar).min(1).max(50).optional().describe("The only values that are accepted."),
  examples: z.array(scalar).max(3).optional(),
});

/** A statement that the company wrote, offered as a tool of its own. */
const namedQuery = z
  .strictObject({
    title: line(60),
    description: line(500).describe("For the model: what it answers, and when to use it."),
    sql: z.string().min(1).max(20_000),
    parameters: z
      .record(
        z.string().regex(/^[a-z][a-z0-9_]{0,39}$/, "must be lower-case letters, digits and _"),
        parameter,
      )
      .default({})
      .describe("In the sequence of the statement's placeholders."),
    sequence: z
      .array(z.string())
      .optional()
      .describe("Names of the parameters in the sequence of the placeholders. Default: as they are listed."),
    effect: z.enum(["read", "create", "update", "delete"]).default("read"),
    cache: cache
      .optional()
      .describe("Keeps its answers in memory. That of the connection is not for named queries."),
  })
  .refine(({ effect, cache: rule }) => effect === "read" || rule === undefined, {
    message: "must not be there for a query that changes something",
    path: ["cache"],
  })
  .refine(
    ({ effect, parameters: { idempotency_key: key } }) =>
      effect === "read" || key === undefined || (key.type === "text" && key.values === undefined),
    {
      message: "must be a text without `values`: it is the key of the write, which the statement gets too",
      path: ["parameters", "idempotency_key"],
    },
  )
  .refine(
    ({ parameters, sequence }) =>
      sequence === undefined || [...sequence].sort().join() === Object.keys(parameters).sort().join(),
    { message: "must name each parameter once", path: ["sequence"] },
  )
  // A published revision sorts names: a list keeps its sequence.
  .transform((query) => {
    const listed = Object.keys(query.parameters);
    const isSorted = [...listed].sort().join() === listed.join();
    return query.sequence !== undefined || isSorted ? query : { ...query, sequence: listed };
  });

/** {@link namedQuery}, parsed. */
export type NamedQuery = z.output<typeof namedQuery>;

/** Names of a query's parameters, in the sequence of its placeholders. */
export function parametersOf({ parameters, sequence }: NamedQuery): readonly string[] {
  return sequence ?? Object.keys(parameters);
}

/** What every SQL database states. */
export const sqlFields = {
  ...commonFields,
  limits,
  cache: cache.optional(),
  expose: z
    .strictObject({
      tables: z.array(tableGlob).min(1).max(500).describe("Tables and views that may be queried."),
      except: z.array(tableGlob).max(500).default([]).describe("Of these, the ones that may not."),
    })
    .describe("Nothing else of the database can be referenced."),
  columns: z
    .record(columnName, dataClass)
    .default({})
    .describe(
      "Classes of columns by schema.table.column. A role that may not see a class cannot use its columns.",
    ),
  identity: z
    .record(
      z
        .string()
        .regex(/^[a-z][a-z0-9_]{0,30}\.[a-z][a-z0-9_]{0,30}$/, "must be a setting such as app.user_id"),
      callerField,
    )
    .default({})
    .describe("Settings of each transaction that say who is calling, for row-level security."),
  functions: z
    .array(
      z.string().regex(/^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/, "must be a function's name in lower case"),
    )
    .max(200)
    .default([])
    .describe("Functions of the database that statements may call besides the usual ones."),
  explain: z.boolean().default(false).describe("Offers a tool that shows the plan of a statement."),
  queries: z
    .record(
      z.string().regex(/^[a-z][a-z0-9_]{0,39}$/, "must be lower-case letters, digits and _"),
      namedQuery,
    )
    .default({})
    .describe("Statements of your own, each a tool `<connection>_<name>`."),
  allow_privileged_role: z
    .boolean()
    .default(false)
    .describe(
      "Uses a role that may write although every tool reads. Shown in red wherever the connection is shown.",
    ),
};

/** How a database is reached: by its address, or through a Hyperdrive binding. */
export const sqlAddress = {
  database: identifier,
  user: identifier,
};
