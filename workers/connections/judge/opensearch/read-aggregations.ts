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

/** Most buckets that one aggregation may ask for. */
const MOST_BUCKETS = 1_000;

/** Aggregations inside of each other: their buckets multiply. */
const MOST_LEVELS = 4;

const NAME = /^[A-Za-z0-9_-]{1,60}$/;

const interval = either({ scalar: (value, at) => (typeof value === "number" ? value : word(value, at)) });
const word = pattern(/^[\w%+:., /-]+$/);
const path = pattern(/^[A-Za-z0-9_.>%-]+$/);
const direction = oneOf("asc", "desc");
/** Intervals long enough for the empty buckets between the first and the last document. */
const LONG = /^(?:day|week|month|quarter|year|1[dwMqy])$/;
const order: Read = either({
  object: readOrder,
  list: list(5, readOrder),
});
const gaps = oneOf("skip", "insert_zeros", "keep_values");

/**
 * The aggregations of a search that are allowed (OpenSearch, «Aggregations»). None runs a script, gives whole
 * documents, or counts documents that the query does not match.
 */
export function aggregationsReader(scope: SearchScope, query: Read): Read {
  const field = { field: scope.field };
  const measured = members({ ...field, missing: readScalar }, ["field"]);
  const percents = list(20, readNumber);
  const histogram = {
    ...field,
    offset: interval,
    min_doc_count: integer(0, 1_000_000),
    keyed: readBoolean,
    missing: readScalar,
    order,
  };
  const dates = {
    calendar_interval: word,
    fixed_interval: word,
    interval,
    time_zone: word,
    format: word,
  };
  // With 0 the server would list values of documents that the query, or the filter of an alias, leaves out.
  const terms = {
    ...field,
    size: integer(1, MOST_BUCKETS),
    min_doc_count: integer(1, 1_000_000),
    missing: readScalar,
    order,
  };
  const values = either({ scalar: readText, list: list(MOST_BUCKETS, readScalar) });
  const span = { key: readText, from: readScalar, to: readScalar };
  const range = {
    ...field,
    ranges: list(100, members(span)),
    keyed: readBoolean,
    missing: readScalar,
  };
  const source: Read = (value, at) => {
    const [name, given] = onlyMember(value, at);
    const direct = { ...field, order: direction, missing_bucket: readBoolean };
    const kinds = members({
      terms: members(direct, ["field"]),
      histogram: members({ ...direct, interval }, ["field"]),
      date_histogram: members({ ...direct, ...dates, offset: interval }, ["field"]),
    });
    return { [checkName(name, at)]: kinds(given, `${at}.${name}`) };
  };
  const paths = members({ buckets_path: path, gap_policy: gaps, format: word }, ["buckets_path"]);
  const kinds = new Map<string, Read>(
    Object.entries({
      ...Object.fromEntries(
        [
          "avg",
          "sum",
          "min",
          "max",
          "value_count",
          "stats",
          "extended_stats",
          "median_absolute_deviation",
        ].map((name) => [name, measured]),
      ),
      cardinality: members({ ...field, missing: readScalar, precision_threshold: integer(0, 40_000) }, [
        "field",
      ]),
      percentiles: members({ ...field, missing: readScalar, percents, keyed: readBoolean }, ["field"]),
      percentile_ranks: members({ ...field, missing: readScalar, values: percents, keyed: readBoolean }, [
        "field",
      ]),
      terms: members({ ...terms, include: values, exclude: values }, ["field"]),
      multi_terms: members(
        {
          terms: list(5, members({ ...field, missing: readScalar }, ["field"])),
          size: integer(1, MOST_BUCKETS),
          min_doc_count: integer(1, 1_000_000),
          order,
        },
        ["terms"],
      ),
      histogram: withoutGaps(members({ ...histogram, interval: readNumber }, ["field", "interval"])),
      date_histogram: withoutGaps(members({ ...histogram, ...dates }, ["field"])),
      auto_date_histogram: members(
        { ...field, buckets: integer(1, 500), format: word, time_zone: word, minimum_interval: word },
        ["field"],
      ),
      range: members(range, ["field", "ranges"]),
      date_range: members({ ...range, format: word, time_zone: word }, ["field", "ranges"]),
      missing: members(field, ["field"]),
      filter: query,
      filters: members(
        {
          filters: either({ object: named(query), list: list(50, query) }),
          other_bucket: readBoolean,
          other_bucket_key: readText,
        },
        ["filters"],
      ),
      nested: members({ path: scope.nestedPath }, ["path"]),
      reverse_nested: members({ path: scope.nestedPath }),
      composite: members(
        { sources: list(5, source), size: integer(1, MOST_BUCKETS), after: named(readScalar) },
        ["sources"],
      ),
      ...Object.fromEntries(
        ["avg_bucket", "sum_bucket", "min_bucket", "max_bucket", "stats_bucket", "cumulative_sum"].map(
          (name) => [name, paths],
        ),
      ),
      derivative: members({ buckets_path: path, gap_policy: gaps, format: word, unit: word }, [
        "buckets_path",
      ]),
      bucket_sort: members({
        sort: list(5, either({ scalar: path, object: readSort })),
        from: integer(0, 10_000),
        size: integer(1, MOST_BUCKETS),
        gap_policy: gaps,
      }),
    }),
  );
  const readAll = (level: number): Read => {
    const inner: Read = (value, at) => {
      scope.count();
      const { aggs, aggregations, ...rest } = readObject(value, at);
      const [kind, given] = onlyMember(rest, at);
      const read = kinds.get(kind);
      if (read === undefined)
        throw forbid(
          `The aggregation ${quote(kind)} is not allowed here.${suggestNames(kind, [...kinds.keys()])}`,
        );
      if (aggs !== undefined && aggregations !== undefined)
        throw reject(`${at} has both aggs and aggregations.`);
      const below = aggs ?? aggregations;
      const kept: JsonObject = { [kind]: read(given, `${at}.${kind}`) };
      if (below === undefined) return kept;
      if (level === MOST_LEVELS)
        throw reject(`Aggregations are nested more than ${MOST_LEVELS} levels deep.`);
      return { ...kept, aggs: readAll(level + 1)(below, `${at}.aggs`) };
    };
    return named(inner);
  };
  return readAll(1);
}

/** Empty buckets take the server's memory before any limit counts them: a month has two billion milliseconds. */
function withoutGaps(read: (value: JsonValue, at: string) => JsonObject): Read {
  return (value, at) => {
    const kept = read(value, at);
    if (kept.min_doc_count === 0 && !LONG.test(String(kept.calendar_interval ?? "")))
      throw reject(`${at}: empty buckets (min_doc_count 0) need a calendar_interval of a day or longer.`);
    return { min_doc_count: 1, ...kept };
  };
}

function named(read: Read): Read {
  return (value, at) =>
    Object.fromEntries(
      Object.entries(readObject(value, at)).map(([name, inner]) => [
        checkName(name, at),
        read(inner, `${at}.${name}`),
      ]),
    );
}

function checkName(name: string, at: string): string {
  if (NAME.test(name) && name !== "__proto__") return name;
  throw reject(`${at}: a name has 1 to 60 letters, digits, - and _.`);
}

function readOrder(value: Parameters<Read>[0], at: string) {
  const [by, way] = onlyMember(value, at);
  return { [String(path(by, at))]: direction(way, at) };
}

function readSort(value: Parameters<Read>[0], at: string) {
  const [by, given] = onlyMember(value, at);
  const read = either({ scalar: direction, object: members({ order: direction }) });
  return { [String(path(by, at))]: read(given, at) };
}
