import { z } from "zod";

/**
 * The tool of every measured call, bare and guarded: it returns a text, at once or after some work.
 */
export const ECHO = {
  title: "Echo",
  description: "Gives the text back.",
  input: z.object({ text: z.string(), work_ms: z.number().int().min(0).max(1_000).optional() }),
  output: z.object({ text: z.string() }),
} as const;

/** What the tool does before it answers: it waits, as one does that asks another system. */
export async function work(milliseconds = 0): Promise<void> {
  if (milliseconds > 0) await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Name of the bare tool. */
export const BARE_TOOL = "echo";
