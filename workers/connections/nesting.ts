import { RefusedRequest } from "./connector.ts";

/**
 * Most levels of lists and objects in an answer. What walks through a value takes a frame of the stack for each level, and no
 * person writes more. Documents of MongoDB may have more: what is deeper is left out.
 */
export const MOST_LEVELS = 100;

const [QUOTE, BACKSLASH] = [34, 92];

/** Whether a text of JSON has more than {@link MOST_LEVELS}. It is not parsed for it. */
export function isNestedTooDeep(json: string): boolean {
  let level = 0;
  let isText = false;
  for (let at = 0; at < json.length; at += 1) {
    const code = json.charCodeAt(at);
    if (isText) {
      if (code === BACKSLASH) at += 1;
      else if (code === QUOTE) isText = false;
    } else if (code === QUOTE) isText = true;
    // Brackets and braces: 91 and 93, 123 and 125.
    else if (code === 91 || code === 123) {
      level += 1;
      if (level > MOST_LEVELS) return true;
    } else if (code === 93 || code === 125) level -= 1;
  }
  return false;
}

/** The answer has more levels than are read. */
export function refuseNesting(most = MOST_LEVELS): RefusedRequest {
  return new RefusedRequest({
    code: "result_too_large",
    message: `The answer is nested more than ${most} levels deep, and is not read.`,
    action: "Name the fields that are needed.",
  });
}
