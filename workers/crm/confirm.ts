import { z } from "zod";
import { ToolError } from "../../shared/call/tool-error.ts";
import type { JsonValue } from "../../shared/encoding/json.ts";
import type { ToolContext } from "../../shared/server/define.ts";

/** What a change that needs a person's yes takes and gives beside its own fields. */
export const confirmField = z
  .string()
  .max(40)
  .optional()
  .describe("From the preview, once the person agreed");

/** The part of an answer that says whether it happened. */
export const confirmedShape = {
  done: z.boolean().describe("False: only a preview"),
  confirm: z.string().optional().describe("To do it, repeat the call with this"),
  change_id: z.string().optional(),
  undo_until: z.string().optional(),
};

/** Stands for exactly what a preview showed: its tool, its rows and their versions (SHA-256, 32 hex digits). */
export async function digestPreview(shown: JsonValue): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(shown));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).subarray(0, 16);
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Whether to go on. A client whose person can be asked asks; any other gets a preview first, and goes on with its
 * digest. Throws `conflict` when the digest stands for something else than would happen now, and `cancelled` when
 * the person says no. With `key` (such as the digest), an answer counts for this question only, and not for one that
 * reads alike.
 */
export async function confirmChange(
  { canAsk, ask }: Pick<ToolContext, "canAsk" | "ask">,
  question: string,
  digest: string,
  given: string | undefined,
  key?: string,
): Promise<boolean> {
  if (given !== undefined) {
    if (given === digest) return true;
    throw refuseChangedPreview();
  }
  if (!canAsk) return false;
  const answer = await ask({
    message: question,
    ...(key !== undefined && { key }),
    schema: z.object({ agree: z.boolean().describe("Yes, do it") }),
  });
  if (answer.action === "accept" && answer.content.agree) return true;
  throw new ToolError("cancelled", "The person did not agree; nothing was changed.", {
    suggestedAction: "Do not repeat the call; ask the person what they want instead.",
  });
}

/** Refuses to do something else than what was shown. */
export function refuseChangedPreview(): ToolError {
  return new ToolError("conflict", "What this call would do has changed since the preview.", {
    suggestedAction: "Call without confirm, show the new preview, and use its confirm.",
  });
}
