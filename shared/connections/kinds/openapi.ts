import { z } from "zod";
import { flowField } from "../flow.ts";
import { commonFields, dataClass, limits, line } from "./common.ts";
import { headerName, httpAddress, httpAuth, OWN_HEADERS, personalAuth } from "./http-auth.ts";
import { exchangedAuth } from "./token-exchange.ts";

const glob = z.string().min(1).max(200);
const globs = z.array(glob).min(1).max(500);

/** Which operations become tools: those that match one of each list that is given. */
const selection = z.strictObject({
  tags: globs.optional(),
  paths: globs.optional().describe("`/repos/*/issues`: `*` is one segment, `**` any number."),
  methods: z
    .array(z.enum(["get", "head", "post", "put", "patch", "delete"]))
    .min(1)
    .optional(),
  operations: globs.optional().describe("Globs on `operationId`."),
});

/** What the entry says differently of one operation, by `operationId` or `GET /path`. */
const treatment = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,47}$/, "must be lower-case letters, digits and _")
    .optional()
    .describe("Name of the tool behind the connection's."),
  title: line(100).optional(),
  description: line(1_000).optional(),
  effect: z.enum(["read", "create", "update", "delete"]).optional(),
  fields: z
    .array(z.string().min(1).max(200))
    .min(1)
    .max(100)
    .optional()
    .describe("What of its answer is kept."),
  flow: flowField.optional(),
  off: z.boolean().optional(),
});

/** An HTTP API with an OpenAPI document (2.0, 3.0, 3.1), or with operations that a profile declares. */
export const openapiEntry = z.strictObject({
  kind: z.literal("openapi"),
  ...commonFields,
  limits,
  document: z
    .string()
    .min(1)
    .max(500)
    .optional()
    .describe(
      "Address of the document, or its path from this file. Read at publication, never by a request.",
    ),
  profile: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,40}$/)
    .optional()
    .describe("A ready-made profile, which declares the operations in place of a document."),
  reach: z.strictObject({
    url: httpAddress.describe(
      "Where requests go; `servers` of the document is not used. Nothing leaves its origin.",
    ),
    headers: z
      .record(
        headerName.refine(
          (name) => !OWN_HEADERS.test(name) || /^accept$/i.test(name),
          "is set by Gatehouse itself",
        ),
        line(500),
      )
      .optional()
      .describe("Fixed headers that are no secret, such as a version."),
    trace: z
      .boolean()
      .optional()
      .describe(
        "Whether the other system gets the trace of the call (`traceparent`). Without it, it does not.",
      ),
    csrf: z
      .boolean()
      .optional()
      .describe("Whether what changes something needs a token that is fetched first (SAP: `x-csrf-token`)."),
    check: z
      .string()
      .regex(/^\/[\x21-\x7e]{0,300}$/, "must be a path")
      .optional()
      .describe("Path that every valid account may read, behind the address; asked by tests."),
  }),
  auth: z
    .discriminatedUnion("type", [...httpAuth.options, personalAuth, exchangedAuth])
    .default({ type: "none" }),
  select: selection.optional(),
  except: selection.optional(),
  operations: z.record(z.string().min(1).max(500), treatment).default({}),
  classes: z
    .record(glob, dataClass)
    .default({})
    .describe("Class of fields in answers, by globs on their names: `*email*: pii`."),
  lists: z
    .enum(["auto", "all", "search"])
    .default("auto")
    .describe("`search`: lists show a few tools that find the others. `auto`: so with more than 60 tools."),
  pinned: z
    .array(glob)
    .max(40)
    .default([])
    .describe("Tools that lists show in any case, without the connection's name."),
});

/** {@link openapiEntry}, parsed. */
export type OpenapiEntry = z.output<typeof openapiEntry>;
