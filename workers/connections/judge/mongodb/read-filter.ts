import type { JsonValue } from "../../../../shared/encoding/json.ts";
import {
  either,
  integer,
  type JsonObject,
  list,
  oneOf,
  pattern,
  type Read,
  readBoolean,
  readNumber,
  readObject,
  readText,
} from "../json/read.ts";
import { forbid, quote, reject, suggestNames } from "../refuse.ts";
import { readExpression } from "./read-expression.ts";
import { isWrapped, readValue } from "./read-values.ts";
import type { DocumentScope } from "./scope.ts";

/** Most values of `$in`. */
const MOST_VALUES = 1_000;

const one: Read = either({ scalar: readValue, object: readValue, list: list(MOST_VALUES, readValue) });
const many = list(MOST_VALUES, readValue);
const typeName = oneOf(
  ...["double", "string", "object", "array", "binData", "objectId", "bool", "date", "null", "regex"].map(
    (name) => name.toLowerCase(),
  ),
  "int",
  "long",
  "decimal",
  "number",
  "timestamp",
);
const regex: Read = (value, at) => {
  const text = String(readText(value, at));
  if (text.length > 500) throw reject(`${at} has more than 500 characters.`);
  return text;
};

/** Conditions on one field that hold no other (MongoDB, «Query and projection operators»). */
const CONDITIONS: ReadonlyMap<string, Read> = new Map(
  Object.entries({
    $eq: one,
    $ne: one,
    $gt: one,
    $gte: one,
    $lt: one,
    $lte: one,
    $in: many,
    $nin: many,
    $all: many,
    $exists: readBoolean,
    $type: either({ scalar: typeName, list: list(5, typeName) }),
    $size: integer(0, 1_000_000),
    $mod: list(2, readNumber),
    $regex: regex,
    $options: pattern(/^[imsx]{0,4}$/),
  }),
);

/** A filter: what selects documents. Gives it built again from what is allowed. */
export function readFilter(value: JsonValue, at: string, scope: DocumentScope, before = ""): JsonObject {
  const filters = list(100, (inner, place) => readFilter(inner, place, scope, before));
  return Object.fromEntries(
    Object.entries(readObject(value, at)).map(([key, given]): [string, JsonValue] => {
      scope.count();
      const place = `${at}.${key}`;
      if (key === "$and" || key === "$or" || key === "$nor") return [key, filters(given, place)];
      if (key === "$expr") {
        if (before !== "") throw forbid("$expr is not allowed inside of $elemMatch.");
        return [key, readExpression(given, place, scope)];
      }
      if (key.startsWith("$")) {
        const known = ["$and", "$or", "$nor", "$expr"];
        throw forbid(`${quote(key)} is not allowed in a filter.${suggestNames(key, known)}`);
      }
      scope.path(`${before}${key}`, place);
      return [key, readCondition(given, place, scope, `${before}${key}`)];
    }),
  );
}

function readCondition(value: JsonValue, at: string, scope: DocumentScope, path: string): JsonValue {
  const isPlain = typeof value !== "object" || value === null || Array.isArray(value) || isWrapped(value);
  if (isPlain) return one(value, at);
  const entries = Object.entries(value);
  // Compared as a whole, an object would tell of every field inside of it.
  if (entries.length === 0 || entries.some(([key]) => !key.startsWith("$")))
    throw reject(`${at} compares a whole object; name the fields inside of it with dots.`);
  return Object.fromEntries(
    entries.map(([key, given]) => [key, readOperator(key, given, `${at}.${key}`, scope, path)]),
  );
}

function readOperator(
  key: string,
  given: JsonValue,
  at: string,
  scope: DocumentScope,
  path: string,
): JsonValue {
  scope.count();
  if (key === "$not") return readCondition(readObject(given, at), at, scope, path);
  if (key === "$elemMatch") {
    const isValue = Object.keys(readObject(given, at)).every(
      (name) => CONDITIONS.has(name) || name === "$not",
    );
    return isValue ? readCondition(given, at, scope, path) : readFilter(given, at, scope, `${path}.`);
  }
  const read = CONDITIONS.get(key);
  if (read === undefined)
    throw forbid(
      `The condition ${quote(key)} is not allowed here.${suggestNames(key, [...CONDITIONS.keys(), "$elemMatch", "$not"])}`,
    );
  return read(given, at);
}
