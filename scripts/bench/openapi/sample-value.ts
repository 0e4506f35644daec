import fc from "fast-check";
import { isRecord } from "../../../shared/encoding/is-record.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { membersOf, tryPart, typeOf } from "../../connections/openapi/describe-answer.ts";
import type { Part } from "../../connections/openapi/local-references.ts";

/** Levels of a sample; deeper values are left out or empty. */
const MOST_LEVELS = 7;

/**
 * A value that fits a schema of a document: its constant, first choice, usual value, or the shortest that fits.
 *
 * @param document - resolves references
 * @param isWhole - whether optional members are given too
 */
export function sampleValue(
  document: Part,
  raw: JsonValue | undefined,
  isWhole = true,
  level = 0,
): JsonValue {
  const schema = tryPart(document, raw) ?? {};
  if (schema.const !== undefined) return schema.const;
  if (Array.isArray(schema.enum) && schema.enum.length > 0)
    return schema.enum.find((one) => one !== null) ?? null;
  if (schema.default !== undefined && schema.default !== null && !isRecord(schema.default))
    return schema.default;
  const [choice] = [schema.oneOf, schema.anyOf].flatMap((list) => (Array.isArray(list) ? list : []));
  const type = typeOf(schema);
  if (
    choice !== undefined &&
    type === undefined &&
    schema.properties === undefined &&
    schema.allOf === undefined
  )
    return sampleValue(document, choice, isWhole, level);
  switch (type) {
    case "integer":
    case "number":
      return sampleNumber(schema);
    case "boolean":
      return true;
    case "string":
      return sampleText(schema);
    case "array": {
      const least = typeof schema.minItems === "number" ? schema.minItems : 1;
      if (level > MOST_LEVELS) return [];
      return Array.from({ length: Math.max(isWhole ? 1 : 0, Math.min(least, 5)) }, () =>
        sampleValue(document, schema.items, isWhole, level + 1),
      );
    }
    default:
      return sampleObject(document, schema, isWhole, level);
  }
}

function sampleObject(document: Part, schema: Part, isWhole: boolean, level: number): JsonValue {
  const members = membersOf(document, schema);
  const required = requiredOf(document, schema);
  const names = Object.keys(members).filter((name) => required.has(name) || (isWhole && level < 3));
  if (level > MOST_LEVELS) return {};
  const missing = [...required].filter((name) => members[name] === undefined);
  return Object.fromEntries([
    ...names.map((name) => [name, sampleValue(document, members[name], isWhole, level + 1)] as const),
    ...missing.map((name) => [name, "value"] as const),
  ]);
}

function requiredOf(document: Part, schema: Part, level = 0): Set<string> {
  const own = Array.isArray(schema.required) ? schema.required.map(String) : [];
  const parts = Array.isArray(schema.allOf) && level < 4 ? schema.allOf : [];
  const inherited = parts.flatMap((part) => [
    ...requiredOf(document, tryPart(document, part) ?? {}, level + 1),
  ]);
  return new Set([...own, ...inherited]);
}

function sampleNumber({ minimum, maximum, exclusiveMinimum, multipleOf, type }: Part): number {
  const step = typeof multipleOf === "number" ? multipleOf : 1;
  const above = typeof exclusiveMinimum === "number" ? exclusiveMinimum + step : undefined;
  const low = Math.max(
    ...[minimum, above, typeof maximum === "number" && maximum < 1 ? maximum : 1].filter(
      (one) => typeof one === "number",
    ),
  );
  return type === "number" ? low : Math.ceil(low);
}

const BY_FORMAT: Readonly<Record<string, string>> = {
  date: "2026-01-31",
  "date-time": "2026-01-31T10:00:00Z",
  time: "10:00:00Z",
  email: "ada@example.com",
  uuid: "6f1c2a3b-4d5e-4f60-8a7b-9c0d1e2f3a4b",
  uri: "https://example.com/",
  url: "https://example.com/",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
  hostname: "example.com",
  byte: "AAAA",
  duration: "P1D",
};

function sampleText({ format, pattern, minLength, maxLength, contentEncoding }: Part): string {
  const text = contentEncoding === "base64" ? "AAAA" : (BY_FORMAT[String(format)] ?? "value");
  const candidates = [
    text,
    "1",
    "a",
    "A",
    "aa",
    "AA",
    "USD",
    "#FFFFFF",
    "2026-01-31",
    "10:00",
    "+15550100",
    "value_1",
    "1.0",
    "1.0.0",
  ];
  const fits = (candidate: string) => typeof pattern !== "string" || matches(pattern, candidate);
  const least = typeof minLength === "number" ? minLength : 0;
  const most = typeof maxLength === "number" ? maxLength : Number.POSITIVE_INFINITY;
  const found =
    candidates.find((one) => fits(one) && one.length >= least && one.length <= most) ??
    generate(pattern, text);
  return found.padEnd(Math.min(least, 500), "a").slice(0, Math.min(most, 600));
}

/** A text of a pattern that none of the usual ones fits. */
function generate(pattern: JsonValue | undefined, usual: string): string {
  if (typeof pattern !== "string") return usual;
  try {
    return fc.sample(fc.stringMatching(new RegExp(pattern)), { numRuns: 1, seed: 1 })[0] ?? usual;
  } catch {
    return usual;
  }
}

function matches(pattern: string, text: string): boolean {
  try {
    return new RegExp(pattern, "u").test(text);
  } catch {
    return true;
  }
}
