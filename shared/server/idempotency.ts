import { z } from "zod";

/** Milliseconds for which a key is remembered with the outcome of its write. */
export const KEY_KEPT_MS = 7 * 86_400_000;

/** Key of one write, so that a repeated call does not repeat the write. */
export const idempotencyField = z
  .string()
  .trim()
  .min(8)
  .max(100)
  .describe("Unique text for this write; a retry with it returns the first result");

/** What a caller is told whose key belongs to another write of theirs. */
export const KEY_OF_ANOTHER_WRITE = {
  message: "You have used this idempotency_key for a write with other arguments.",
  action: "Use a new idempotency_key for a new write; repeat a write with unchanged arguments.",
} as const;
