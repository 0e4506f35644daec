import type { JsonValue } from "../../../../shared/encoding/json.ts";
import type * as original from "../../../../shared/guard/shape.ts";

export type * from "../../../../shared/guard/shape.ts";
export { ANSWER_LIMIT } from "../../../../shared/guard/shape.ts";

/** Sends what the tool returned: not checked, not masked, not bounded. */
export const shapeAnswer: typeof original.shapeAnswer = async (_tool, raw) => ({
  structuredContent: raw as Record<string, JsonValue>,
  content: [{ type: "text", text: JSON.stringify(raw) }],
});
