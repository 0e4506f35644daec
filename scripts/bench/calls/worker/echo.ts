import { z } from "zod";

/**
 * The tool of every measured call, bare and guarded: it returns a text, so that only the overhead is
 * measured.
 */
export const ECHO = {
  title: "Echo",
  description: "Gives the text back.",
  input: z.object({ text: z.string() }),
  output: z.object({ text: z.string() }),
} as const;

/** Name of the bare tool. */
export const BARE_TOOL = "echo";
