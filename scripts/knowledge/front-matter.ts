import { parseDocument } from "yaml";

/** Front matter and body of a Markdown file. */
export interface FrontMatter {
  /** Scalars and lists of scalars at the top level, as texts. Nested values are omitted. */
  fields: Readonly<Record<string, string | readonly string[]>>;
  /** The text after the front matter. */
  body: string;
}

const MAX_LINES = 400;
/** Field names have no spaces: a sentence with a colon between two rules is text. */
const FIELD = /^[\p{L}_][\p{L}\p{N}_.@-]{0,60}$/u;
/** A value with a colon, which people write without the quotes that YAML requires. */
const BARE_VALUE = /^([\p{L}_][\p{L}\p{N}_-]*):[ \t]+([^\s"'[{|>&*!#][^\n]*)$/u;

/**
 * Splits off YAML front matter between two `---` lines. Anything but a mapping of names to values, such as a
 * paragraph between two rules, is text. Anchors are not resolved, so that a hostile file cannot expand.
 */
export function readFrontMatter(markdown: string): FrontMatter {
  const text = { fields: {}, body: markdown };
  const lines = markdown.split("\n", MAX_LINES);
  if (lines[0]?.trimEnd() !== "---") return text;
  const end = lines.findIndex((line, index) => index > 0 && /^(?:---|\.\.\.)\s*$/.test(line));
  if (end === -1) return text;
  const source = lines.slice(1, end);
  const length = lines.slice(0, end + 1).reduce((sum, line) => sum + line.length + 1, 0);
  const body = markdown.slice(length).replace(/^\n+/, "");
  if (source.every((line) => line.trim() === "")) return { fields: {}, body };
  const quoted = source.map((line) =>
    line.replace(BARE_VALUE, (_, key, value) => `${key}: ${JSON.stringify(value)}`),
  );
  const values = parse(source.join("\n")) ?? parse(quoted.join("\n"));
  return values === undefined ? text : { fields: readFields(values), body };
}

/** The mapping in a text; `undefined` if it is none. */
function parse(source: string): Record<string, unknown> | undefined {
  try {
    const document = parseDocument(source, { uniqueKeys: false, logLevel: "silent", prettyErrors: false });
    if (document.errors.length > 0) return undefined;
    const value: unknown = document.toJS({ maxAliasCount: 0 });
    if (value === null || typeof value !== "object" || Array.isArray(value)) return undefined;
    return Object.keys(value).every((key) => FIELD.test(key))
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function readFields(values: Record<string, unknown>): Record<string, string | string[]> {
  const fields = new Map<string, string | string[]>();
  for (const [key, value] of Object.entries(values)) {
    const read = Array.isArray(value) ? value.flatMap((item) => readScalar(item) ?? []) : readScalar(value);
    if (read !== undefined) fields.set(key.toLowerCase(), read);
  }
  return Object.fromEntries(fields);
}

function readScalar(value: unknown): string | undefined {
  if (value instanceof Date) return value.toISOString();
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? undefined : String(value);
}
