import { parseExactly } from "../../../shared/encoding/exact-json.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { RefusedRequest } from "../connector.ts";
import { isNestedTooDeep, refuseNesting } from "../nesting.ts";
import { MOST_BYTES } from "../sql/answer-size.ts";
import type { FoundDocument, SearchAnswer } from "./operation.ts";

const encoder = new TextEncoder();

/** The JSON of a body; the rest of a body that is too large is not read. `null` for what is no JSON. */
export async function readJson(response: Response): Promise<JsonValue> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  if (response.body === null) return null;
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > MOST_BYTES) throw refuseSize();
    text += decoder.decode(chunk, { stream: true });
  }
  text += decoder.decode();
  if (isNestedTooDeep(text)) throw refuseNesting();
  try {
    return parseExactly(text);
  } catch {
    return null;
  }
}

interface RawAnswer {
  timed_out?: boolean;
  terminated_early?: boolean;
  _shards?: { failed?: number };
  hits?: { total?: { value: number; relation: string } | number; hits?: RawHit[] };
  aggregations?: Record<string, JsonValue>;
}

interface RawHit {
  _index: string;
  _id: string;
  _score: number | null;
  _source?: Record<string, JsonValue>;
  highlight?: Record<string, JsonValue>;
  sort?: JsonValue[];
}

/** The answer of `_search` within `bytes`: documents after that are left out; aggregations are whole or refused. */
export function boundSearch(raw: JsonValue, bytes: number): SearchAnswer {
  if (typeof raw !== "object" || raw === null || !("hits" in raw))
    throw new Error("The answer is not one of a search.");
  const { hits, aggregations, timed_out, terminated_early, _shards } = raw as RawAnswer;
  let left = bytes;
  if (aggregations !== undefined) {
    left -= encoder.encode(JSON.stringify(aggregations)).length;
    if (left < 0) throw refuseSize();
  }
  const found: FoundDocument[] = [];
  for (const hit of hits?.hits ?? []) {
    const document = toDocument(hit);
    left -= encoder.encode(JSON.stringify(document)).length;
    // One document is always taken: without it the caller would not learn what is too large.
    if (left < 0 && found.length > 0) break;
    found.push(document);
  }
  const total = hits?.total ?? 0;
  return {
    total:
      typeof total === "number"
        ? { value: total, isExact: true }
        : { value: total.value, isExact: total.relation === "eq" },
    hits: found,
    aggregations: aggregations ?? null,
    complete: timed_out !== true && terminated_early !== true && (_shards?.failed ?? 0) === 0,
    cut: found.length < (hits?.hits?.length ?? 0),
  };
}

function toDocument({ _index, _id, _score, _source, highlight, sort }: RawHit): FoundDocument {
  return {
    index: _index,
    id: _id,
    score: _score ?? null,
    source: _source ?? {},
    ...(highlight !== undefined && { highlight }),
    ...(sort !== undefined && { sort }),
  };
}

function refuseSize(): RefusedRequest {
  return new RefusedRequest({
    code: "result_too_large",
    message: "The answer is too large to be read, even in parts.",
    action: "Name fewer fields, ask for fewer documents, or aggregate into fewer buckets.",
  });
}
