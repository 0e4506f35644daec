import { z } from "zod";
import type { Proposal } from "../../../shared/call/proposal.ts";
import { digestText } from "../../../shared/encoding/canonical-json.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import {
  CONFIRM_LENGTH,
  idOfConfirm,
  refuseChangedPreview,
} from "../../../shared/guard/approval/agreement.ts";
import type { ToolContext } from "../../../shared/server/define.ts";

export { idOfConfirm, type Proposal, refuseChangedPreview };

/** Maximum number of confirmations for one change whose records keep changing. */
const TRIES = 3;

/** Input field of a change that needs the user's confirmation. */
export const confirmField = z
  .string()
  .max(CONFIRM_LENGTH)
  .optional()
  .describe("From the preview, once the person agreed");

/** Output field that says whether the change happened. */
export const confirmedShape = {
  done: z.boolean().describe("False: only a preview"),
  confirm: z.string().optional().describe("To do it, repeat the call with this"),
  change_id: z.string().optional(),
  undo_until: z.string().optional(),
};

/** Digest of a preview: its rows and their versions (SHA-256, 32 hex digits). */
export function digestPreview(shown: JsonValue): string {
  return digestText(JSON.stringify(shown)).slice(0, 32);
}

/** A change based on the current records. */
export interface ProposedChange<Shown, Result> extends Proposal {
  /** The preview in the answer. */
  shown: Shown;
  /**
   * Applies the change. Returns `undefined`, and changes nothing, when the records have changed since they
   * were read.
   */
  make(): Promise<Result | undefined>;
}

/**
 * Applies a change after the user's confirmation, or returns its preview to a client that cannot ask the
 * user. When a record changes between the question and the write, everything is read again, and the user is
 * asked about the new state.
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
