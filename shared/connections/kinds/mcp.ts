import { z } from "zod";
import { flowField } from "../flow.ts";
import { commonFields, limits, line } from "./common.ts";
import { exchangedAuth } from "./token-exchange.ts";

/** Headers that the protocol or the authentication sets. */
const OWN_HEADERS =
  /^(?:authorization|cookie|host|content-.*|accept|mcp-.*|proxy-.*|sec-.*|traceparent|tracestate)$/i;

const headerName = z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,60}$/, "must be the name of a header");

const url = z
  .string()
  .max(500)
  .refine((text) => {
    const parsed = URL.parse(text);
    return parsed !== null && /^https?:$/.test(parsed.protocol) && parsed.username + parsed.password === "";
  }, "must be an https address without user and password")
  .refine((text) => URL.parse(text)?.hash === "", "must be without a fragment");

/** How Gatehouse identifies itself, or the person, at the other system. */
const auth = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("none") }),
  z.strictObject({ type: z.literal("bearer") }).describe("The vault's secret as `Authorization: Bearer`."),
  z
    .strictObject({ type: z.literal("header"), name: headerName })
    .describe("The vault's secret in a header of this name."),
  z
    .strictObject({
      type: z.literal("per_person"),
      client_id: line(300)
        .optional()
        .describe("A client registered by hand; its secret, if any, is in the vault."),
      scopes: z
        .array(z.string().regex(/^[\x21-\x7e]{1,200}$/))
        .max(50)
        .optional(),
    })
    .describe("Each person connects an account of their own with OAuth, on their page Connections."),
  exchangedAuth,
]);

/** How one tool is treated, by its name at the other system. */
const treatment = z.strictObject({
  effect: z
    .enum(["read", "create", "update", "delete"])
    .optional()
    .describe("Replaces what the tool says of itself; decides its scope."),
  flow: flowField.optional(),
  off: z.boolean().optional().describe("Not offered."),
});

/** An MCP server with Streamable HTTP, of any revision. */
export const mcpEntry = z.strictObject({
  kind: z.literal("mcp"),
  ...commonFields,
  limits,
  reach: z.strictObject({
    url: url.describe(
      "Its MCP endpoint. Plain http and private addresses only if PLAIN_HTTP_UPSTREAMS names the host.",
    ),
    headers: z
      .record(
        headerName.refine((name) => !OWN_HEADERS.test(name), "is a header that Gatehouse sets itself"),
        line(500),
      )
      .optional()
      .describe("Fixed headers that are no secret, such as a region."),
    trace: z
      .boolean()
      .optional()
      .describe(
        "Whether the other system gets the trace of the call (`traceparent`). Without it, it does not.",
      ),
    generation: z
      .enum(["auto", "2025", "2026"])
      .default("auto")
      .describe("`auto` asks the server which generation of the protocol it speaks."),
  }),
  auth: auth.default({ type: "none" }),
  expose: z
    .strictObject({
      tools: z.array(z.string().min(1).max(200)).max(500).default(["*"]).describe("Globs on their names."),
      except: z.array(z.string().min(1).max(200)).max(500).default([]),
      resources: z.boolean().default(true),
      prompts: z.boolean().default(true),
    })
    .prefault({}),
  tools: z.record(z.string().min(1).max(200), treatment).default({}),
  on_change: z
    .enum(["keep", "off"])
    .default("keep")
    .describe(
      "A tool that changed at the other side stays at its approved definition, or is off until reviewed.",
    ),
  asks: z
    .strictObject({
      person: z.boolean().default(true).describe("The server may ask the person (elicitation)."),
      model: z.boolean().default(false).describe("The server may ask the person's model (sampling)."),
      folders: z
        .boolean()
        .default(false)
        .describe("The server may see which folders the app works in (roots)."),
    })
    .prefault({}),
});

/** {@link mcpEntry}, parsed. */
export type McpEntry = z.output<typeof mcpEntry>;
