/** One series that an expression asks for. */
export interface Selector {
  name: string;
  /** Labels that it compares, each with the value that it has to equal; `null` for another comparison. */
  matchers: ReadonlyMap<string, string | null>;
}

/** What a PromQL expression names. */
export interface ReadExpression {
  selectors: readonly Selector[];
  /** Labels by which it groups or joins. */
  grouping: ReadonlySet<string>;
}

const GROUPING = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g;
const WORDS = new Set(["and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring"]);
/** A name that no bracket of a function follows, and its matchers. */
const SELECTOR = /(?<![\w:])([a-zA-Z_:][\w:]*)(?![\w:]|\s*\()(?:\{((?:"(?:[^"\\]|\\.)*"|[^"}])*)\})?/g;
const MATCHER = /([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"/g;

/** Reads the series and labels of a PromQL expression. `promtool` says whether it is one; this finds what it names. */
export function readExpression(text: string): ReadExpression {
  const grouping = new Set<string>();
  const rest = text.replace(/\[[^\]]*\]/g, "").replace(GROUPING, (_, list: string) => {
    for (const label of list.split(",")) if (label.trim() !== "") grouping.add(label.trim());
    return " ";
  });
  const selectors = [...rest.matchAll(SELECTOR)]
    .filter(([, name = ""]) => !WORDS.has(name))
    .map(
      ([, name = "", matchers = ""]): Selector => ({
        name,
        matchers: new Map(
          [...matchers.matchAll(MATCHER)].map(([, label = "", comparison, value = ""]) => [
            label,
            comparison === "=" ? value : null,
          ]),
        ),
      }),
    );
  return { selectors, grouping };
}
