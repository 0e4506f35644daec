import type { MaskRules } from "../call/mask-rules.ts";
import { ToolError } from "../call/tool-error.ts";

import { maskFields } from "./mask-fields.ts";
import { maskText } from "./mask-text.ts";

/**
 * An error as its reader may see it: free text is masked; quoted current values are masked by their schema
 * and appended to the message.
 */
export function maskError(error: ToolError, rules: MaskRules): ToolError {
  const { current } = error;
  const values = current && JSON.stringify(maskFields(current.schema, current.values, rules));
  const message = maskText(error.message, rules.text);
  return new ToolError(error.code, values ? `${message} Current values: ${values}.` : message, {
    suggestedAction: maskText(error.suggestedAction, rules.text),
    ...(error.retryAfter !== undefined && { retryAfter: error.retryAfter }),
    cause: error.cause,
  });
}
