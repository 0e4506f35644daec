import { z } from "zod";

/** The work of every measured call, bare and guarded: it gives a text back, so that all that is left is the way. */
export const ECHO = {
  title: "Echo",
  description: "Gives the text back.",
  input: z.object({ text: z.string() }),
  output: z.object({ text: z.string() }),
} as const;

/** Name of the bare tool. */
export const BARE_TOOL = "echo";
