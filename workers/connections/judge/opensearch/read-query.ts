import type { JsonValue } from "../../../../shared/encoding/json.ts";
import {
  either,
  integer,
  type JsonObject,
  list,
  members,
  oneOf,
  onlyMember,
  pattern,
  type Read,
  readBoolean,
  readNumber,
  readObject,
  readScalar,
  readText,
} from "../json/read.ts";
import { forbid, quote, reject, suggestNames } from "../refuse.ts";
import type { SearchScope } from "./fields.ts";

/** Most values of a `terms` clause; the server takes more. */
const MOST_TERMS = 1_000;

/** Fields of one clause. */
const MOST_FIELDS = 30;

const word = pattern(/^[\w%<>,:+ -]+$/);
const analysis = { analyzer: pattern(/^[a-z0-9_]+$/), operator: oneOf("and", "or"), lenient: readBoolean };
const fuzzy = {
  fuzziness: pattern(/^(?:auto(?::\d,\d)?|[0-2])$/i),
  prefix_length: integer(0, 100),
  max_expansions: integer(1, 200),
};
const spread = {
  minimum_should_match: either({ scalar: readScalar }),
  zero_terms_query: oneOf("none", "all"),
};
const common = { boost: readNumber, _name: pattern(/^\w+$/) };

/**
 * The queries of a search that are allowed (OpenSearch, «Query DSL»). None of them names another index, runs a
 * script, or takes names of fields out of a text.
 */
export function queryReader(scope: SearchScope): Read {
  const text = { query: readScalar, ...analysis, ...common };
  const byField = (rules: Readonly<Record<string, Read>>, short?: Read): Read => {
    const options = members(rules);
    return (value, at) => {
      const [field, given] = onlyMember(value, at);
      const path = scope.field(field, at) as string;
      const place = `${at}.${path}`;
      const isShort = typeof given !== "object" || given === null || Array.isArray(given);
      if (isShort && short === undefined) throw reject(`${place} must be an object.`);
      return { [path]: isShort && short !== undefined ? short(given, place) : options(given, place) };
    };
  };
  const weighted: Read = (value, at) => {
    const [, path = "", boost = ""] =
      /^(.*?)(\^\d{1,4}(?:\.\d{1,4})?)?$/s.exec(String(readText(value, at))) ?? [];
    return `${scope.field(path, at)}${boost}`;
  };
  // Without a field the server looks in all of them (`index.query.default_field`), the hidden ones included.
  const fields: Read = list(MOST_FIELDS, weighted, 1);
  const read: Read = (value, at) => {
    scope.count();
    const [name, given] = onlyMember(value, at);
    const clause = clauses.get(name);
    if (clause === undefined) {
      const hint = ADVICE[name] ?? suggestNames(name, [...clauses.keys()]);
      throw forbid(`The query ${quote(name)} is not allowed here.${hint}`);
    }
    return { [name]: clause(given, `${at}.${name}`) };
  };
  const some: Read = either({ object: read, list: list(100, read) });
  const clauses = new Map<string, Read>(
    Object.entries({
      match_all: members(common),
      match_none: members(common),
      term: byField({ value: readScalar, case_insensitive: readBoolean, ...common }, readScalar),
      terms: readTerms(scope),
      match: byField({ ...text, ...fuzzy, ...spread }, readScalar),
      match_phrase: byField(
        { ...text, slop: integer(0, 100), zero_terms_query: oneOf("none", "all") },
        readScalar,
      ),
      match_phrase_prefix: byField(
        { ...text, slop: integer(0, 100), max_expansions: integer(1, 200) },
        readScalar,
      ),
      match_bool_prefix: byField({ ...text, ...fuzzy, ...spread }, readScalar),
      multi_match: members(
        {
          ...text,
          ...fuzzy,
          ...spread,
          fields,
          type: oneOf("best_fields", "most_fields", "cross_fields", "phrase", "phrase_prefix", "bool_prefix"),
          tie_breaker: readNumber,
          slop: integer(0, 100),
        },
        ["query", "fields"],
      ),
      simple_query_string: members(
        { query: readText, fields, default_operator: oneOf("and", "or"), ...analysis, ...spread, ...common },
        ["query", "fields"],
      ),
      range: byField({
        gt: readScalar,
        gte: readScalar,
        lt: readScalar,
        lte: readScalar,
        format: word,
        time_zone: word,
        relation: oneOf("intersects", "contains", "within"),
        ...common,
      }),
      exists: members({ field: scope.field, ...common }, ["field"]),
      prefix: byField({ value: readText, case_insensitive: readBoolean, ...common }, readText),
      wildcard: byField({ value: readText, case_insensitive: readBoolean, ...common }, readText),
      fuzzy: byField({ value: readText, ...fuzzy, transpositions: readBoolean, ...common }, readText),
      ids: (value, at) => {
        scope.field("_id", at);
        return members({ values: list(MOST_TERMS, readText), ...common }, ["values"])(value, at);
      },
      bool: members({
        must: some,
        should: some,
        filter: some,
        must_not: some,
        minimum_should_match: readScalar,
        ...common,
      }),
      constant_score: members({ filter: read, ...common }, ["filter"]),
      dis_max: members({ queries: list(50, read), tie_breaker: readNumber, ...common }, ["queries"]),
      boosting: members({ positive: read, negative: read, negative_boost: readNumber, ...common }),
      nested: members(
        {
          path: scope.nestedPath,
          query: read,
          score_mode: oneOf("avg", "max", "min", "sum", "none"),
          ...common,
        },
        ["path", "query"],
      ),
    }),
  );
  return read;
}

/** Values that are written out. An object would look them up in another index. */
function readTerms(scope: SearchScope): Read {
  const values = list(MOST_TERMS, readScalar);
  return (value, at) => {
    const kept: JsonObject = {};
    let found = 0;
    for (const [key, given] of Object.entries(readObject(value, at)) as [string, JsonValue][]) {
      if (key === "boost" || key === "_name") {
        kept[key] = (key === "boost" ? readNumber : common._name)(given, `${at}.${key}`);
        continue;
      }
      found += 1;
      const path = scope.field(key, at) as string;
      kept[path] = values(given, `${at}.${path}`);
    }
    if (found !== 1) throw reject(`${at} must name exactly one field.`);
    return kept;
  };
}

const ADVICE: Readonly<Record<string, string>> = {
  query_string: " Use simple_query_string, with its fields named.",
  regexp: " Use prefix or wildcard.",
  script: " Scripts never run: use aggregations, or compute from the answer.",
  script_score: " Scripts never run: use aggregations, or compute from the answer.",
  function_score: " Use boosting or constant_score.",
};
