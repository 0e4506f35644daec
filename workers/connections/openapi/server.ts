import { z } from "zod";
import { MOST_OF_CURSOR } from "../../../shared/auth/cursor.ts";
import type { ContentBlock } from "../../../shared/call/content.ts";
import type { Definition } from "../../../shared/connections/definitions.ts";
import { flowOf } from "../../../shared/connections/flow.ts";
import { foreignName } from "../../../shared/connections/foreign-names.ts";
import type { OpenapiEntry } from "../../../shared/connections/kinds/openapi.ts";
import { type HttpOperation, httpOperation } from "../../../shared/connections/operations.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { defineServer, type ServerDefinition, type ToolDefinition } from "../../../shared/server/define.ts";
import { argumentsFromJsonSchema } from "../../../shared/server/json-schema-object.ts";
import { firstOfEach } from "../first-of-each.ts";
import { scopesOf } from "../scopes.ts";
import { HttpHandle } from "./handle.ts";
import { type HttpAnswer, pagePosition } from "./operation.ts";
import { uploadTool, uploadToolName } from "./upload-tool.ts";

/** Milliseconds that the guard gives a call beyond the time that the other system has. */
const GRACE_MS = 3_000;

/** Tools above which lists show those that find the others. */
const MOST_LISTED = 60;

/** Characters of an answer's short form above which the caller may name the fields that it needs. */
const LARGE_ANSWER = 200;

const SCOPES = { read: "read", create: "write", update: "write", delete: "delete" } as const;

type Tool = ToolDefinition<z.ZodObject, z.ZodObject | undefined, HttpHandle>;

/** The server of a published HTTP API: a tool for each operation that the command has defined. */
export function openapiServer(
  name: string,
  entry: OpenapiEntry,
  revision: string,
  definitions: readonly Definition[],
): ServerDefinition {
  const operations = definitions.map((one) => httpOperation.parse(one));
  const takesFiles = operations.some((one) => one.arguments.some(({ file }) => file === true));
  const tools = firstOfEach([
    ...operations.map((one) => makeTool(name, entry, one)),
    ...(takesFiles ? [uploadTool(name, entry) as unknown as Tool] : []),
  ]);
  const isSearched = entry.lists === "search" || (entry.lists === "auto" && tools.length > MOST_LISTED);
  return defineServer<HttpHandle>({
    name,
    title: entry.title,
    description: entry.description,
    instructions: isSearched
      ? `${entry.title}: ${tools.length} tools that begin with ${name}_. Find them with tools_find, by what you want to do.`
      : `${entry.title}: its tools begin with ${name}_. Lists have a cursor for the next page.`,
    scopes: scopesOf(
      name,
      entry.title,
      tools.map(({ scope }) => scope),
    ),
    baseline: `${name}:read`,
    defaults: z.object({}),
    ...(isSearched && { searched: { pinned: entry.pinned.map((glob) => `${name}_${glob}`) } }),
    store: (env, principal, masks) => new HttpHandle({ env, name, revision, entry, principal, masks }),
    tools,
    resources: [],
    prompts: [],
  }) as ServerDefinition;
}

/** The schemas of a tool are made on first use: an API may have a thousand of them. */
function makeTool(connection: string, entry: OpenapiEntry, operation: HttpOperation): Tool {
  let input: z.ZodObject | undefined;
  let output: z.ZodObject | undefined;
  const isList = operation.list !== undefined;
  return {
    name: foreignName(connection, operation.tool),
    title: operation.title,
    description: operation.description,
    effect: operation.effect,
    scope: `${connection}:${SCOPES[operation.effect]}`,
    words: [
      operation.name,
      ...operation.path.split(/[/{}]+/),
      ...operation.arguments.map((argument) => argument.name),
    ],
    ...flowOf(entry, operation.effect, entry.operations[operation.name]?.flow),
    openWorld: true,
    timeoutMs: entry.limits.seconds * 1_000 + GRACE_MS,
    get input() {
      input ??= argumentsFromJsonSchema(inputSchema(connection, operation), {}, operation.levels);
      return input;
    },
    get output() {
      output ??= outputShape(operation);
      return output;
    },
    ...(isList && { overflow: "items" as never }),
    ...(operation.arguments.some(({ file }) => file === true) && {
      check: (given, { store }) => store.checkFiles(operation, plain(given)),
      preview: (given, { store }) => store.describeFiles(operation, plain(given)),
      keepUntil: (given, time, { store }) => store.keepFiles(operation, plain(given), time),
    }),
    content: (output) => linkOf(output as { file?: z.output<typeof file> }),
    async run(given, context) {
      const { cursor, ...rest } = plain(given);
      const fields = operation.arguments.some((argument) => argument.name === "fields")
        ? undefined
        : rest.fields;
      const cursors = context.cursors(rest as JsonValue, pagePosition);
      const position =
        typeof cursor === "string" && operation.paging ? await cursors.read(cursor) : undefined;
      const chosen = Array.isArray(fields) ? fields.map(String) : undefined;
      const answer = await context.store.perform(
        operation,
        { input: rest, position, fields: chosen },
        context,
      );
      if (answer.file !== null) {
        const { id: _id, ...about } = answer.file;
        const file = { uri: await context.store.addressOf(answer.file), ...about };
        return isList
          ? { items: [], ...(operation.paging && { next: null }), file }
          : { status: answer.status, file };
      }
      if (!isList) return { status: answer.status, result: answer.result };
      const next = answer.next === null ? undefined : await cursors.write(answer.next);
      return {
        items: answer.items ?? [answer.result],
        ...(answer.total !== null && { total: answer.total }),
        ...leftOut(answer, entry.title),
        ...(operation.paging && { next: next ?? null }),
      };
    },
  };
}

/** A list that is not whole says so: without a next page it would read as the end. */
function leftOut({ cut, isElsewhere }: HttpAnswer, title: string): { left_out?: string } {
  const texts = [
    ...(cut > 0
      ? [
          `${cut} rows did not fit and are in no other page. Ask for less: fewer rows a page, narrower filters, or fewer fields.`,
        ]
      : []),
    ...(isElsewhere
      ? [`${title} has more rows, at an address that is not asked. Use narrower filters.`]
      : []),
  ];
  return texts.length === 0 ? {} : { left_out: texts.join(" ") };
}

function plain(given: Readonly<Record<string, unknown>>): Record<string, JsonValue | undefined> {
  return JSON.parse(JSON.stringify(given)) as Record<string, JsonValue | undefined>;
}

function linkOf({ file: found }: { file?: z.output<typeof file> }): ContentBlock[] {
  if (found === undefined) return [];
  const { uri, name, media_type: mimeType } = found;
  const description = "A file of the other system. The address works once, for this person.";
  return [{ type: "resource_link", uri, name, mimeType, description }];
}

function inputSchema(
  connection: string,
  { input, paging, answer, effect, arguments: places }: HttpOperation,
): Record<string, JsonValue> {
  const given = input.properties as Record<string, JsonValue>;
  const files = places.filter(({ file }) => file === true).map(({ name }) => [name, given[name]] as const);
  const properties: Record<string, JsonValue> = {
    ...given,
    ...Object.fromEntries(
      files.map(([name, schema]) => [
        name,
        {
          ...(schema as Record<string, JsonValue>),
          description: `The ticket of ${uploadToolName(connection)}, or a small file as Base64`,
        },
      ]),
    ),
  };
  const own: Record<string, JsonValue> = {
    ...(paging && {
      cursor: { type: "string", maxLength: MOST_OF_CURSOR, description: "`next` of the previous page" },
    }),
    ...(effect === "read" &&
      properties.fields === undefined &&
      (answer?.length ?? 0) > LARGE_ANSWER && {
        fields: {
          type: "array",
          items: { type: "string", maxLength: 200 },
          maxItems: 50,
          description: "Keeps only these fields of the answer, such as `id` or `user.name`",
        },
      }),
  };
  return { ...input, properties: { ...properties, ...own } };
}

/** A file that did not go through the model. Only Gatehouse sets this member. */
const file = z
  .object({
    uri: z.string().describe("Give it to the person: it works once, for this person, until expires_at"),
    name: z.string(),
    bytes: z.int(),
    media_type: z.string(),
    expires_at: z.string(),
  })
  .optional();

/** APIs answer outside of their own schemas, so the schema that clients check says no more than the frame. */
function outputShape({ list, paging, total, answer }: HttpOperation): z.ZodObject {
  const about = answer ?? "As the other system answers";
  if (list === undefined)
    return z.object({ status: z.int(), result: z.unknown().optional().describe(about), file });
  return z.object({
    items: z.array(z.unknown()).describe(about),
    left_out: z.string().optional(),
    file,
    ...(total !== undefined && {
      total: z.number().optional().describe("Of all pages, if it was asked for"),
    }),
    ...(paging && {
      next: z.string().nullable().describe("Give it as `cursor` for the next page; null: no more"),
    }),
  });
}
