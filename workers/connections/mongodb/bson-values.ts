import type * as Bson from "mongodb";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { isWrapped } from "../judge/mongodb/read-values.ts";

/** Most characters of one text of a document; a longer one is cut. */
const CELL = 20_000;

/** Levels of a document that are given; what is deeper is `null`. */
const MOST_LEVELS = 100;

/** A request's JSON as the driver sends it: only the five values that the judge lets pass are no JSON. */
export function toBson(value: JsonValue, bson: typeof Bson): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => toBson(item, bson));
  if (isWrapped(value)) {
    const [[key = "", text = ""] = []] = Object.entries(value) as [string, string][];
    switch (key) {
      case "$oid":
        return new bson.ObjectId(text);
      case "$date":
        return new Date(text);
      case "$numberLong":
        return bson.Long.fromString(text);
      case "$numberDecimal":
        return bson.Decimal128.fromString(text);
      default:
        return new bson.UUID(text);
    }
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, toBson(inner, bson)]));
}

/** A document's value as JSON: large whole numbers and decimals as text, dates as ISO 8601. */
export function fromBson(value: unknown, level = 0): JsonValue {
  if (typeof value === "string") return value.length <= CELL ? value : `${value.slice(0, CELL)}…`;
  if (value === null || value === undefined || level > MOST_LEVELS) return null;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "boolean") return value;
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (Array.isArray(value)) return value.map((item) => fromBson(item, level + 1));
  if (value instanceof RegExp) return String(value);
  if (typeof value !== "object") return null;
  if ("_bsontype" in value) return fromBsonType(value as { _bsontype: string });
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fromBson(inner, level + 1)]));
}

function fromBsonType(value: { _bsontype: string; length?: () => number; sub_type?: number }): JsonValue {
  switch (value._bsontype) {
    case "ObjectId":
    case "Decimal128":
    case "Timestamp":
    case "Long":
      return String(value);
    case "Binary":
      return value.sub_type === 4 ? String(value) : `${value.length?.() ?? 0} bytes`;
    case "Int32":
    case "Double":
      return Number(value);
    default:
      return value._bsontype;
  }
}
