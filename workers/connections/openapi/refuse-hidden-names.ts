import { ToolError } from "../../../shared/call/tool-error.ts";
import type { HttpOperation } from "../../../shared/connections/operations.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";

/** Query options in which OData names fields (OData 4.01 URL Conventions, §5.1), which a service may offer. */
const EXPRESSIONS = /^\$(?:filter|orderby|select|expand|compute|apply|search)$/i;

/** Gives a field another name, under which it is not hidden. */
const RENAMES = /\b(?:compute|apply)\s*=/i;

/**
 * Throws `forbidden` for an expression of OData that names a field which is hidden from the role: its values could be
 * found by conditions and sequence, or come under another name.
 *
 * @param hidden - what the names of hidden fields match
 */
export function refuseHiddenNames(
  operation: Pick<HttpOperation, "arguments">,
  input: Readonly<Record<string, JsonValue | undefined>>,
  hidden: readonly RegExp[],
): void {
  if (hidden.length === 0) return;
  for (const { name, key, in: place } of operation.arguments) {
    const given = input[name];
    if (place !== "query" || !EXPRESSIONS.test(key) || given == null) continue;
    const text = typeof given === "string" ? given : JSON.stringify(given);
    const isHidden = (read: string) =>
      wordsOf(read).some((word) => hidden.some((field) => field.test(word))) ||
      (/expand$/i.test(key) && RENAMES.test(read));
    if (isHidden(text) || isHidden(decode(text)))
      throw new ToolError(
        "forbidden",
        `${name}: names a field that is hidden from this role, or gives one another name.`,
        { suggestedAction: "Leave that field out." },
      );
  }
}

/** Identifiers outside of literals; a literal that does not end is none. */
function wordsOf(text: string): string[] {
  const isWhole = (text.split("'").length - 1) % 2 === 0;
  const plain = isWhole ? text.replace(/'[^']*'/g, " ") : text;
  return plain.match(/[\p{L}\p{Nl}_][\p{L}\p{N}_]*/gu) ?? [];
}

/** Some servers read an escape that is within a value. */
function decode(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_escape, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
}
