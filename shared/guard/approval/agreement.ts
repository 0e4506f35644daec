import { z } from "zod";
import { openKeyring } from "../../auth/keyring.ts";
import { signText, verifyText } from "../../auth/sign-text.ts";
import type { Agreement, Proposal } from "../../call/proposal.ts";
import { ToolError } from "../../call/tool-error.ts";
import { canonicalize } from "../../encoding/canonical-json.ts";
import { principalGate } from "../../objects/principal-gate.ts";
import type { ToolContext } from "../../server/define.ts";
import type { RequestContext } from "../request-context.ts";

/** Minutes for which a `confirm` value is valid. */
const KEPT_MINUTES = 60;

/** `<id>.<expiry in seconds, base 36>.<signature>`; without an id it begins with the expiry. */
const CONFIRM = /^(?:([a-z]+_[a-z0-9]{1,40})\.)?([0-9a-z]{6,9})\.([1-9]\d{0,5}\.[\w-]{43})$/;

/** Longest `confirm` value, in characters. */
export const CONFIRM_LENGTH = 120;

const AGREE = z.object({ agree: z.boolean().describe("Yes, do it") });

/** The id in a `confirm` value, or `undefined`. Does not verify the value. */
export function idOfConfirm(text: string): string | undefined {
  return CONFIRM.exec(text)?.[1];
}

/**
 * How a tool gets a person's yes to exactly one thing. A `confirm` value counts once and is an HMAC (RFC 2104) over user, client, tool,
 * arguments, what was shown, and its end, with the keys of `REQUEST_STATE_KEY`: it cannot be computed, and fits no
 * other call. It is for clients that cannot ask their person; every other is always asked.
 */
export function openAgreement(
  { env, identity }: Pick<RequestContext, "env" | "identity">,
  tool: string,
  input: Readonly<Record<string, unknown>>,
  { ask, canAsk, now }: Pick<ToolContext, "ask" | "canAsk" | "now">,
): Pick<ToolContext, "agree" | "sealConfirm" | "fitsConfirm"> {
  const keyring = openKeyring(env, "REQUEST_STATE_KEY");
  const { confirm: _confirm, ...asked } = input;
  const describe = ({ message, about, id }: Proposal, end: string) =>
    canonicalize([identity.userId, identity.clientId, tool, asked, message, about, id ?? null, end]);
  const seal = async (proposal: Proposal): Promise<string> => {
    const end = Math.floor(now.getTime() / 1_000 + KEPT_MINUTES * 60).toString(36);
    const signature = await signText(keyring, "confirm", describe(proposal, end));
    return [...(proposal.id === undefined ? [] : [proposal.id]), end, signature].join(".");
  };
  const fits = async (proposal: Proposal, given: string): Promise<boolean> => {
    const [, id, end = "", signature = ""] = CONFIRM.exec(given) ?? [];
    if (id !== proposal.id || Number.parseInt(end, 36) * 1_000 <= now.getTime()) return false;
    return await verifyText(keyring, "confirm", describe(proposal, end), signature);
  };
  const spentHere = new Set<string>();
  /** What a tool keeps under an id it does once by itself, and goes on with under the same value. */
  const spend = async ({ id }: Proposal, given: string): Promise<boolean> => {
    if (id !== undefined || spentHere.has(given)) return true;
    spentHere.add(given);
    return await principalGate(env, identity.userId).spendConfirm(given);
  };
  return {
    sealConfirm: seal,
    fitsConfirm: fits,
    async agree(proposal, given): Promise<Agreement> {
      if (!canAsk) {
        if (given === undefined) return { agreed: false, confirm: await seal(proposal) };
        if ((await fits(proposal, given)) && (await spend(proposal, given))) return { agreed: true };
        throw refuseChangedPreview();
      }
      const { message, about } = proposal;
      const answer = await ask({ message, about, schema: AGREE });
      if (answer.action === "accept" && answer.content.agree) return { agreed: true };
      throw new ToolError("cancelled", "The person did not agree; nothing was changed.", {
        suggestedAction: "Do not repeat the call; ask the person what they want instead.",
      });
    },
  };
}

/** The error for a change that no longer equals its preview. */
export function refuseChangedPreview(): ToolError {
  return new ToolError(
    "conflict",
    "What this call would do has changed since the preview, or its confirm is too old or was used.",
    { suggestedAction: "Call without confirm, show the new preview, and use its confirm." },
  );
}
