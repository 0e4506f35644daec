import { isRecord } from "../encoding/is-record.ts";
import type { JsonValue } from "../encoding/json.ts";
import type { ReadLabel } from "./flow-labels.ts";

/**
 * Member of a result's `_meta` that says where its data comes from: the draft extension of the MCP interest group on
 * tool annotations, with the booleans `sensitive` and `untrusted`. A label that is absent claims nothing.
 */
const ORIGIN_KEY = "io.modelcontextprotocol/trust-annotations";

/** The draft's word for each label. */
const WORDS: Readonly<Record<ReadLabel, string>> = { private: "sensitive", untrusted: "untrusted" };

/** Most blocks of a foreign result that are looked at; its schema allows no more that matter. */
const MOST_BLOCKS = 1_000;

/** The `_meta` of a result with these labels; nothing if there are none. */
export function originMeta(reads: Iterable<ReadLabel>): { _meta?: Record<string, JsonValue> } {
  const said = Object.fromEntries([...reads].map((label) => [WORDS[label], true]));
  return Object.keys(said).length > 0 ? { _meta: { [ORIGIN_KEY]: said } } : {};
}

/** The labels that another system gives to its result, or to a part of it: those of a part hold for the whole. */
export function readOrigins(result: unknown): ReadLabel[] {
  if (!isRecord(result)) return [];
  const parts = [result.content, result.contents, result.messages].flatMap((list) =>
    Array.isArray(list) ? list.slice(0, MOST_BLOCKS) : [],
  );
  const inner = parts.flatMap((part) => (isRecord(part) ? [part, part.content, part.resource] : []));
  const said = [result, ...inner].flatMap((one) => (isRecord(one) && isRecord(one._meta) ? [one._meta] : []));
  const labels = Object.keys(WORDS) as ReadLabel[];
  return labels.filter((label) =>
    said.some((meta) => {
      const origin = meta[ORIGIN_KEY];
      return isRecord(origin) && origin[WORDS[label]] === true;
    }),
  );
}
