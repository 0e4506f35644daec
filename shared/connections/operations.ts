import { z } from "zod";

/** A dotted path into an answer: `paging.next.after`; `""` is the whole answer. */
const place = z.string().max(200);

/** How an operation gives its next page, and what asks for it. */
const paging = z.discriminatedUnion("style", [
  /** Pages have numbers; `size` names the parameter with the number of rows. */
  z.object({ style: z.literal("page"), key: z.string(), first: z.int(), size: z.string().optional() }),
  /** Rows have numbers. */
  z.object({
    style: z.literal("offset"),
    key: z.string(),
    size: z.string().optional(),
    in: z.enum(["query", "body"]),
  }),
  /** The answer holds a cursor at `next`. */
  z.object({ style: z.literal("cursor"), key: z.string(), next: place, in: z.enum(["query", "body"]) }),
  /** The cursor is a field of the last row. */
  z.object({ style: z.literal("last"), key: z.string(), field: z.string(), more: place.optional() }),
  /** The answer holds the address of the next page at `next`. */
  z.object({ style: z.literal("address"), next: place }),
  /** RFC 8288. */
  z.object({ style: z.literal("link") }),
]);

/** One argument of a tool, and where it goes in the request (OpenAPI 3.1, «Parameter Object»). */
const argument = z.object({
  /** Name in the tool's input. */
  name: z.string(),
  in: z.enum(["path", "query", "header", "body"]),
  /** Name at the other system. */
  key: z.string(),
  style: z.enum(["simple", "label", "matrix", "form", "spaceDelimited", "pipeDelimited", "deepObject"]),
  explode: z.boolean(),
  /** The value is sent as JSON text. */
  json: z.boolean().optional(),
  /** What stands around the value in an address, where quotes within it are doubled (OData). */
  literal: z.object({ before: z.string().max(220), after: z.string().max(20) }).optional(),
  /** The value is Base64 of a file. */
  file: z.boolean().optional(),
});

const schema = z.record(z.string(), z.json());

/** One operation of an HTTP API, as the tool of a connection needs it. Made once, by the command. */
export const httpOperation = z.looseObject({
  type: z.literal("tool"),
  /** `operationId`, or method and path. */
  name: z.string(),
  /** Name of the tool behind `<connection>_`. */
  tool: z.string(),
  title: z.string(),
  description: z.string(),
  effect: z.enum(["read", "create", "update", "delete"]),
  method: z.string(),
  /** Path behind the origin, with `{names}`. */
  path: z.string(),
  /** Parameters of the query that are the same in every request. */
  query: z.record(z.string(), z.string()).optional(),
  /** Headers that are the same in every request. */
  headers: z.record(z.string(), z.string()).optional(),
  /** The arguments, for checking: an object with local references alone. */
  input: schema,
  /** Levels of an argument that clients see; without it, all that they take. */
  levels: z.int().optional(),
  arguments: z.array(argument),
  body: z
    .object({
      type: z.enum(["json", "form", "multipart", "binary", "text", "graphql"]),
      media: z.string(),
      /** The argument that is the whole body; without it the body has a member for each argument of its own. */
      whole: z.string().optional(),
      /** Members that are the same in every request, or the GraphQL document. */
      fixed: z.json().optional(),
    })
    .optional(),
  /** Where the answer's rows are; without it the answer is one result. */
  list: place.optional(),
  /** Where an answer that is no list has its one result; without it the answer is the result. */
  result: place.optional(),
  /** Where the answer says how many rows all pages have together. */
  total: place.optional(),
  paging: paging.optional(),
  /** Where an answer of status 200 says that it is a failure: `at` is false then, and `reason` holds a word. */
  failure: z.object({ at: place, reason: place }).optional(),
  /** What of the answer, or of each row, is kept. */
  fields: z.array(place).max(100).optional(),
  /** Short form of the answer, for the model. */
  answer: z.string().optional(),
});

/** {@link httpOperation}, parsed. JSON. */
export type HttpOperation = z.output<typeof httpOperation>;

/** How an operation gives its next page. */
export type Paging = z.output<typeof paging>;

/** {@link argument}, parsed. */
export type OperationArgument = z.output<typeof argument>;
