import { z } from "zod";
import type { ConnectionRequest } from "../../../shared/objects/connection-gate.ts";

const texts = z.record(z.string(), z.string());

/** What a session with an MCP server does. */
const operation = z.discriminatedUnion("operation", [
  z.object({ operation: z.literal("discover") }),
  z.object({
    operation: z.literal("call_tool"),
    name: z.string(),
    arguments: z.record(z.string(), z.json()),
    /** SHA-256 of the approved definition. */
    digest: z.string(),
    /** The part of its schema that marks arguments which are repeated as headers (SEP-2243). */
    headers: z.record(z.string(), z.json()),
  }),
  z.object({ operation: z.literal("read_resource"), uri: z.string() }),
  z.object({ operation: z.literal("get_prompt"), name: z.string(), arguments: texts }),
  z.object({
    operation: z.literal("complete"),
    ref: z.discriminatedUnion("type", [
      z.object({ type: z.literal("ref/prompt"), name: z.string() }),
      z.object({ type: z.literal("ref/resource"), uri: z.string() }),
    ]),
    argument: z.object({ name: z.string(), value: z.string() }),
    others: texts,
  }),
]);

/** The operation that a request names. Throws if it is none. */
export function readOperation(request: ConnectionRequest): z.output<typeof operation> {
  return operation.parse({ ...request.arguments, operation: request.operation });
}
