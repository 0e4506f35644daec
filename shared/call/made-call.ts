import { ToolError } from "./tool-error.ts";

/** What a failure says of a call that another system has answered, and that may have changed something there. */
export const MADE_CALL = {
  words: "The call was made: do not repeat it.",
  action: "Look at the data in the other system.",
} as const;

/** The failure of passing on such an answer, with {@link MADE_CALL}. */
export function tellCallMade({ code, message }: ToolError): ToolError {
  return new ToolError(code, `${message} ${MADE_CALL.words}`, { suggestedAction: MADE_CALL.action });
}
