/** Matches URIs of one template and decodes their variables. */
export interface UriMatcher {
  variables: readonly string[];
  /** The variables of `uri`, or `null` if it does not match. */
  match(uri: string): Record<string, string> | null;
}

/**
 * Compiles an RFC 6570 level 1 template: literal text and `{name}`, where a variable spans one
 * percent-encoded path segment.
 */
export function compileTemplate(template: string): UriMatcher {
  const variables: string[] = [];
  const pattern = template
    .split(/(\{[A-Za-z_][A-Za-z0-9_]*\})/)
    .map((part) => {
      if (!part.startsWith("{")) return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
      variables.push(part.slice(1, -1));
      return "([^/?#]+)";
    })
    .join("");
  const expression = new RegExp(`^${pattern}$`);
  return {
    variables,
    match(uri) {
      const found = expression.exec(uri);
      if (!found) return null;
      try {
        return Object.fromEntries(
          variables.map((name, index) => [name, decodeURIComponent(found[index + 1] ?? "")]),
        );
      } catch {
        return null; // a malformed percent-encoding matches nothing
      }
    },
  };
}
