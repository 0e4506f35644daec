import { z } from "zod";
import type { Proposal } from "../../../shared/call/proposal.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import {
  CONFIRM_LENGTH,
  idOfConfirm,
  refuseChangedPreview,
} from "../../../shared/guard/approval/agreement.ts";
import type { ToolContext } from "../../../shared/server/define.ts";

export { idOfConfirm, type Proposal, refuseChangedPreview };

/** How often a person is asked about one change whose records keep moving. */
const TRIES = 3;

/** What a change that needs a person's yes takes and gives beside its own fields. */
export const confirmField = z
  .string()
  .max(CONFIRM_LENGTH)
  .optional()
  .describe("From the preview, once the person agreed");

/** The part of an answer that says whether it happened. */
export const confirmedShape = {
  done: z.boolean().describe("False: only a preview"),
  confirm: z.string().optional().describe("To do it, repeat the call with this"),
  change_id: z.string().optional(),
  undo_until: z.string().optional(),
};

/** Stands for exactly what a preview shows: its rows and their versions (SHA-256, 32 hex digits). */
export async function digestPreview(shown: JsonValue): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(shown));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).subarray(0, 16);
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** One change as it would be made now. */
export interface ProposedChange<Shown, Result> extends Proposal {
  /** The answer's part that shows it. */
  shown: Shown;
  /** Makes it. Gives `undefined`, and changes nothing, when the records are not any more as they were read. */
  make(): Promise<Result | undefined>;
}

/**
 * Makes a change that the person has agreed to, or gives the preview of it to a client that cannot ask. When a record
 * moves between the question and the write, everything is read again, and the person is asked about what it is now.
 */
export async function changeAsAgreed<Shown extends object, Result extends object>(
  { agree }: Pick<ToolContext, "agree">,
  given: string | undefined,
  propose: () => Promise<ProposedChange<Shown, Result>>,
): Promise<Shown & ({ done: false; confirm: string } | (Result & { done: true }))> {
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    const { shown, make, ...proposal } = await propose();
    const agreement = await agree(proposal, given);
    if (!agreement.agreed) return { ...shown, done: false, confirm: agreement.confirm };
    const made = await make();
    if (made !== undefined) return { ...shown, ...made, done: true };
  }
  throw refuseChangedPreview();
}
