/** A Markdown file in two parts. */
export interface FrontMatter {
  /** Scalars and lists of scalars at the top level, as texts. Nested values are left out. */
  fields: Readonly<Record<string, string | readonly string[]>>;
  /** What follows the front matter. */
  body: string;
}

const MAX_LINES = 200;

/**
 * Splits off YAML front matter between two `---` lines. Only what articles use is read: `key: value`,
 * `key: [a, b]` and lists of `- value`. No anchors, tags or nesting, so that a hostile file has nothing to expand.
 * A file without a closing line has no front matter.
 */
export function readFrontMatter(markdown: string): FrontMatter {
  const lines = markdown.split("\n", MAX_LINES);
  if (lines[0]?.trimEnd() !== "---") return { fields: {}, body: markdown };
  const end = lines.findIndex((line, index) => index > 0 && /^(?:---|\.\.\.)\s*$/.test(line));
  if (end === -1) return { fields: {}, body: markdown };
  const length = lines.slice(0, end + 1).reduce((sum, line) => sum + line.length + 1, 0);
  return { fields: readFields(lines.slice(1, end)), body: markdown.slice(length).replace(/^\n+/, "") };
}

function readFields(lines: readonly string[]): Record<string, string | string[]> {
  const fields = new Map<string, string | string[]>();
  let key = "";
  for (const line of lines) {
    const item = /^\s*-\s+(.*)$/.exec(line);
    const list = fields.get(key);
    if (item && key !== "") {
      if (Array.isArray(list)) list.push(readScalar(item[1] ?? ""));
      else if (list === "") fields.set(key, [readScalar(item[1] ?? "")]);
      continue;
    }
    const pair = /^([A-Za-z][\w-]*):(?:\s+(.*))?$/.exec(line);
    if (!pair) continue;
    key = pair[1]?.toLowerCase() ?? "";
    fields.set(key, readValue(pair[2] ?? ""));
  }
  return Object.fromEntries(fields);
}

function readValue(text: string): string | string[] {
  const value = text.trim();
  if (!value.startsWith("[") || !value.endsWith("]")) return readScalar(value);
  const items = value.slice(1, -1).match(/\s*(?:"[^"]*"|'[^']*'|[^,]+)/g) ?? [];
  return items.map(readScalar).filter((item) => item !== "");
}

function readScalar(text: string): string {
  const value = text.trim();
  const quoted = /^"((?:[^"\\]|\\.)*)"|^'((?:[^']|'')*)'/.exec(value);
  if (quoted?.[1] !== undefined) return quoted[1].replace(/\\(["\\])/g, "$1");
  if (quoted?.[2] !== undefined) return quoted[2].replaceAll("''", "'");
  return value.replace(/\s+#.*$/, "");
}
