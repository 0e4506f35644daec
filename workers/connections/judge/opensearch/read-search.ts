import { isDeeperThan } from "../../../../shared/encoding/depth.ts";
import type { JsonValue } from "../../../../shared/encoding/json.ts";
import type { FieldSight } from "../../documents/sight.ts";
import type { DocumentSource } from "../../documents/source.ts";
import {
  either,
  type JsonObject,
  list,
  members,
  oneOf,
  onlyMember,
  type Read,
  readScalar,
} from "../json/read.ts";
import { forbid, quote, reject } from "../refuse.ts";
import { SearchScope } from "./fields.ts";
import { aggregationsReader } from "./read-aggregations.ts";
import { queryReader } from "./read-query.ts";

/** Most characters of a search. */
const LONGEST = 20_000;

/** Levels of a search. */
const MOST_LEVELS = 30;

/** A search as a caller writes it. */
export interface AskedSearch {
  query?: JsonValue | undefined;
  aggs?: JsonValue | undefined;
  sort?: JsonValue | undefined;
  /** Fields of the documents that are given; `*` stands for any characters. Without it all. */
  fields?: readonly string[] | undefined;
  highlight?: readonly string[] | undefined;
  after?: JsonValue | undefined;
}

/**
 * Reads a search of some sources and builds the body that is sent, without its bounds. Throws
 * `ToolError("invalid_input" | "forbidden")` for everything that is not on the list, a field that is not there, and
 * one that the role may not see.
 */
export function readSearch(
  asked: AskedSearch,
  sources: readonly DocumentSource[],
  sight: FieldSight,
): JsonObject {
  const whole = JSON.parse(JSON.stringify(asked)) as JsonObject;
  if (JSON.stringify(whole).length > LONGEST) throw reject(`The search has more than ${LONGEST} characters.`);
  if (isDeeperThan(whole, MOST_LEVELS)) throw reject("The search is nested too deep.");
  const scope = new SearchScope(sources, sight);
  const query = queryReader(scope);
  const aggs = aggregationsReader(scope, query);
  const { highlight, sort, after } = whole;
  return {
    ...(whole.query !== undefined && { query: query(whole.query, "query") }),
    ...(whole.aggs !== undefined && { aggs: aggs(whole.aggs, "aggs") }),
    ...(sort !== undefined && { sort: list(5, sortReader(scope))(sort, "sort") }),
    ...(highlight !== undefined && { highlight: readHighlight(highlight, scope) }),
    ...(after !== undefined && { search_after: list(5, readScalar)(after, "after") }),
    _source: sourceOf(asked.fields, scope, sight),
  };
}

function sortReader(scope: SearchScope): Read {
  const way = oneOf("asc", "desc");
  const options = members({
    order: way,
    missing: readScalar,
    mode: oneOf("min", "max", "avg", "sum", "median"),
    nested: members({ path: scope.nestedPath }, ["path"]),
  });
  const by = (name: string, at: string) =>
    name === "_score" || name === "_doc" ? name : String(scope.field(name, at));
  return (value, at) => {
    if (typeof value === "string") return by(value, at);
    const [name, given] = onlyMember(value, at);
    return { [by(name, at)]: either({ scalar: way, object: options })(given, `${at}.${name}`) };
  };
}

/** Only fields that are named: with `*` the server would look for matches in every field. */
function readHighlight(value: JsonValue, scope: SearchScope): JsonObject {
  const fields = list(10, scope.field)(value, "highlight");
  return {
    require_field_match: true,
    fragment_size: 150,
    number_of_fragments: 3,
    pre_tags: ["**"],
    post_tags: ["**"],
    fields: Object.fromEntries(fields.map((field) => [String(field), {}])),
  };
}

/** What of the documents is sent: what is dropped for the role never leaves the server. The rest is masked here. */
function sourceOf(fields: readonly string[] | undefined, scope: SearchScope, sight: FieldSight): JsonValue {
  for (const name of fields ?? []) {
    if (!/^[^\s,"\\]{1,300}$/.test(name)) throw reject(`fields: ${quote(name)} is not the name of a field.`);
    if (!name.includes("*") && scope.isHidden(name))
      throw forbid(`Your role may not see the field ${quote(name)}.`);
  }
  const excludes = sight.hidesAny ? scope.droppedPaths().slice(0, 1_000) : [];
  return { includes: [...(fields ?? ["*"])], excludes };
}
