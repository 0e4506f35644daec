import type { JsonValue } from "../../../shared/encoding/json.ts";
import { isNestedTooDeep, refuseNesting } from "../nesting.ts";
import { MOST_BYTES, refuseSize } from "../sql/answer-size.ts";
import { boundRows } from "../sql/bound-rows.ts";
import type { AnsweredRows } from "../sql/operation.ts";
import { readClickhouseError } from "./errors.ts";

/**
 * Reads an answer in the format JSONCompactEachRowWithNamesAndTypes line by line until a bound is reached; the rest is
 * not read. An error may also come after the first rows: it is a line that is no JSON.
 */
export async function readRows(
  body: ReadableStream<Uint8Array>,
  limits: { rows: number; bytes: number },
): Promise<AnsweredRows> {
  const taken = boundRows(limits);
  let names: string[] | null = null;
  let types: string[] | null = null;
  for await (const line of readLines(body)) {
    const row = parseLine(line);
    if (names === null) names = row.map(String);
    else if (types === null) types = row.map(String);
    else if (!taken.add([row.map((cell, index) => toCell(cell, types?.[index] ?? ""))])) break;
  }
  const columns = (names ?? []).map((name, index) => ({
    name,
    type: (types?.[index] ?? "other").toLowerCase(),
    // ClickHouse does not say which column of which table a result comes from.
    origin: null,
  }));
  return { columns, ...taken.result(), changed: null };
}

function parseLine(line: string): JsonValue[] {
  if (isNestedTooDeep(line)) throw refuseNesting();
  try {
    const row: unknown = JSON.parse(line);
    if (Array.isArray(row)) return row as JsonValue[];
  } catch {
    // Below.
  }
  throw readClickhouseError(line) ?? new Error("The answer is not in the format that was asked for.");
}

/** Numbers that come as text, because JSON may not hold them exactly, are numbers where it does. */
function toCell(cell: JsonValue, type: string): JsonValue {
  if (typeof cell !== "string" || !/^(?:Nullable\()?(?:U?Int\d+|Decimal)/.test(type)) return cell;
  const number = Number(cell);
  const plain = cell.includes(".") ? cell.replace(/\.?0+$/, "") : cell;
  return Number.isFinite(number) && String(number) === plain ? number : cell;
}

/** Lines of a body; ends with an error when more than {@link MOST_BYTES} came. Leaving the loop cancels the body. */
async function* readLines(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > MOST_BYTES) throw refuseSize();
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines.filter((line) => line !== "");
  }
  if (rest.trim() !== "") yield rest;
}
