import { z } from "zod";

/** Something that only the client's side knows, asked for in the middle of a call. */
export interface Question<Schema extends z.ZodObject = z.ZodObject> {
  /** What the person reads above the form. */
  message: string;
  /**
   * Flat, primitive fields (MCP elicitation, form mode). A field with choices may say how they read:
   * `z.enum(["a", "b"]).meta({ titles: { a: "First", b: "Second" } })` (SEP-1330).
   */
  schema: Schema;
  /**
   * A page that the person opens instead of filling a form (URL mode); then `schema` is `z.object({})`. `accept` says
   * that they agreed to go there, and nothing of what they did there. The page must find out itself who they are.
   */
  url?: string;
  /** Name on the wire, unique within one call. Default: the question's position, `q1`, `q2`, … */
  key?: string;
  /** Who answers: the person in a form (default), or the client itself, see {@link WORKSPACE_ROOTS}. */
  answeredBy?: "person" | "client";
}

/** What was answered. Declining and cancelling are normal outcomes. */
export type Answer<Schema extends z.ZodObject> =
  | { action: "accept"; content: z.output<Schema> }
  | { action: "decline" }
  | { action: "cancel" };

/** Asks for the folders and repositories the client works in (MCP roots). No person is disturbed. */
export const WORKSPACE_ROOTS = {
  message: "",
  schema: z.object({
    roots: z.array(z.object({ uri: z.string().max(2_000), name: z.string().max(500).optional() })).max(100),
  }),
  answeredBy: "client",
} as const satisfies Question;
