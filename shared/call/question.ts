import { z } from "zod";
import type { JsonValue } from "../encoding/json.ts";

/** A question to the user or the client in the middle of a call. */
export interface Question<Schema extends z.ZodObject = z.ZodObject> {
  /** Text that the user reads above the form. */
  message: string;
  /**
   * Flat, primitive fields (MCP elicitation, form mode). A field with choices may carry labels: `z.enum(["a",
   * "b"]).meta({ titles: { a: "First", b: "Second" } })` (SEP-1330).
   */
  schema: Schema;
  /**
   * Page that the user opens instead of filling in a form (URL mode); `schema` is then `z.object({})`.
   * `accept` only means that the user agreed to open the page. The page must identify the user itself.
   */
  url?: string;
  /** Name on the wire, unique within one call. Default: the question's position, `q1`, `q2`, … */
  key?: string;
  /**
   * Records that the call would touch: ids and versions, or a digest. An answer counts only for these; if
   * they have changed by the time the answer arrives, the question is asked again.
   */
  about?: JsonValue;
  /** Who answers: the user in a form (default), or the client itself; see {@link WORKSPACE_ROOTS}. */
  answeredBy?: "person" | "client";
}

/** The answer. Declining and cancelling are normal outcomes. */
export type Answer<Schema extends z.ZodObject> =
  | { action: "accept"; content: z.output<Schema> }
  | { action: "decline" }
  | { action: "cancel" };

/**
 * Asks for the folders and repositories the client works in (MCP roots). The client answers without the user.
 */
export const WORKSPACE_ROOTS = {
  message: "",
  schema: z.object({
    roots: z.array(z.object({ uri: z.string().max(2_000), name: z.string().max(500).optional() })).max(100),
  }),
  answeredBy: "client",
} as const satisfies Question;
