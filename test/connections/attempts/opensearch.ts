import type { AskedSearch } from "../../../workers/connections/judge/opensearch/read-search.ts";

/** A search that must not reach a server. */
export interface SearchAttempt {
  kind: string;
  asked: AskedSearch;
}

type Json = NonNullable<AskedSearch["query"]>;

const SCRIPT = { source: "doc['customer.email'].value", lang: "painless" };
const TERM = { term: { status: "open" } };

/** Ways to put a query into a search. */
const QUERY_PLACES: readonly ((query: Json) => AskedSearch)[] = [
  (query) => ({ query }),
  (query) => ({ query: { bool: { filter: [TERM, query] } } }),
  (query) => ({ query: { bool: { must_not: query } } }),
  (query) => ({ query: { constant_score: { filter: query } } }),
  (query) => ({ query: { nested: { path: "items", query } } }),
  (query) => ({ aggs: { a: { filter: query } } }),
  (query) => ({ aggs: { a: { filters: { filters: { b: query } } } } }),
];

/** Queries that run scripts, read other places, take names out of a text, or are not known. */
const QUERIES: readonly Json[] = [
  { script: { script: SCRIPT } },
  { script_score: { query: { match_all: {} }, script: SCRIPT } },
  { function_score: { query: TERM, functions: [{ script_score: { script: SCRIPT } }] } },
  { terms: { status: { index: "secrets", id: "1", path: "token" } } },
  { terms: { "customer.country": { index: "other-cluster:secrets", id: "1", path: "x", routing: "a" } } },
  { terms_set: { status: { terms: ["a"], minimum_should_match_script: SCRIPT } } },
  { percolate: { field: "query", index: "secrets", id: "1" } },
  { more_like_this: { like: [{ _index: "secrets", _id: "1" }], fields: ["note"] } },
  { geo_shape: { place: { indexed_shape: { index: "secrets", id: "1", path: "shape" } } } },
  { has_child: { type: "x", query: { match_all: {} } } },
  { has_parent: { parent_type: "x", query: { match_all: {} } } },
  { parent_id: { type: "x", id: "1" } },
  { query_string: { query: "customer.email:a*" } },
  { query_string: { query: "_exists_:customer.email", default_field: "note" } },
  { simple_query_string: { query: "a" } },
  { simple_query_string: { query: "a", fields: [] } },
  { multi_match: { query: "a", fields: [] } },
  { simple_query_string: { query: "a", fields: ["*"] } },
  { simple_query_string: { query: "a", fields: ["customer.*"] } },
  { multi_match: { query: "a" } },
  { multi_match: { query: "a", fields: ["cust*.name"] } },
  { multi_match: { query: "a", fields: "note" } },
  { regexp: { status: "(a+)+b" } },
  { intervals: { note: { match: { query: "a" } } } },
  { span_term: { note: "a" } },
  { distance_feature: { field: "ordered_at", origin: "now", pivot: "1d" } },
  { rank_feature: { field: "total" } },
  { wrapper: { query: "eyJtYXRjaF9hbGwiOnt9fQ==" } },
  { template: { source: "{}" } },
  { knn: { vector: { vector: [1], k: 1 } } },
  { neural: { note: { query_text: "a", model_id: "m" } } },
  { rule: { organic: TERM, ruleset_id: "x" } },
  { pinned: { ids: ["1"], organic: TERM } },
  { exists: { field: "*" } },
  { exists: { field: "_source" } },
  { exists: { field: "customer" } },
  { term: { _index: "secrets" } },
  { term: { "no such": 1 } },
  { term: { status: { value: "a", script: SCRIPT } } },
  { match: { note: { query: { script: SCRIPT } } } },
  { range: { total: { gt: { script: SCRIPT } } } },
  { nested: { path: "items", query: TERM, inner_hits: { _source: true, size: 100 } } },
  { nested: { path: "customer", query: TERM } },
  { bool: { must: [TERM], minimum_should_match: { script: SCRIPT } } },
  { bool: { must: [TERM], inner_hits: {} } },
  { match_all: {}, match_none: {} },
  {},
];

const AGG_PLACES: readonly ((agg: Json) => AskedSearch)[] = [
  (agg) => ({ aggs: { a: agg } }),
  (agg) => ({ aggs: { outer: { terms: { field: "status" }, aggs: { a: agg } } } }),
  (agg) => ({ aggs: { outer: { nested: { path: "items" }, aggregations: { a: agg } } } }),
];

/** Aggregations that run scripts, give whole documents, or leave the query behind. */
const AGGREGATIONS: readonly Json[] = [
  { scripted_metric: { map_script: "x", combine_script: "x", reduce_script: "x" } },
  { bucket_script: { buckets_path: {}, script: "1" } },
  { bucket_selector: { buckets_path: {}, script: "1" } },
  { moving_fn: { buckets_path: "x", window: 2, script: "x" } },
  { terms: { script: SCRIPT } },
  { terms: { field: "status", script: SCRIPT } },
  { terms: { field: "status", min_doc_count: 0 } },
  { terms: { field: "status", size: 1_000_000 } },
  { terms: { field: "sta*" } },
  { terms: { field: "_index" } },
  { avg: { script: SCRIPT } },
  { avg: { field: "total", script: { source: "1" } } },
  { weighted_avg: { value: { script: SCRIPT }, weight: { field: "total" } } },
  { percentiles: { field: "total", script: SCRIPT } },
  { cardinality: { script: SCRIPT } },
  { top_hits: { size: 100, _source: true } },
  { top_metrics: { metrics: { field: "total" }, sort: { total: "asc" } } },
  { global: {} },
  { sampler: { shard_size: 10 } },
  { significant_terms: { field: "status", background_filter: TERM } },
  { significant_text: { field: "note" } },
  { adjacency_matrix: { filters: { a: TERM } } },
  { multi_terms: { terms: [{ script: SCRIPT }, { field: "status" }] } },
  { composite: { sources: [{ a: { terms: { script: SCRIPT } } }] } },
  { composite: { sources: [{ a: { histogram: { script: SCRIPT, interval: 1 } } }] } },
  { children: { type: "x" } },
  { parent: { type: "x" } },
  { inference: { model_id: "m", buckets_path: {} } },
  { terms: { field: "status" }, avg: { field: "total" } },
  { terms: { field: "status", order: { "_script['x']": "asc" } } },
  { bucket_sort: { sort: [{ _script: { script: SCRIPT } }] } },
  { date_histogram: { field: "ordered_at", calendar_interval: "day", script: SCRIPT } },
  { date_histogram: { field: "ordered_at", fixed_interval: "1ms", min_doc_count: 0 } },
  { date_histogram: { field: "ordered_at", calendar_interval: "minute", min_doc_count: 0 } },
  {
    date_histogram: { field: "ordered_at", calendar_interval: "day", extended_bounds: { min: 0, max: 1e15 } },
  },
  { histogram: { field: "total", interval: 0.001, min_doc_count: 0 } },
];

const SORTS: readonly Json[] = [
  { _script: { type: "number", script: SCRIPT, order: "asc" } },
  { _geo_distance: { place: [0, 0] } },
  { status: { order: "asc", nested: { path: "items", filter: { script: { script: SCRIPT } } } } },
  { status: { order: "asc", unmapped_type: "keyword" } },
  { "*": "asc" },
  "_index",
  "customer",
  { status: "sideways" },
];

/** Members of a request that callers never write: they reach the tool as arguments of other names. */
const MEMBERS = [
  "script_fields",
  "runtime_mappings",
  "derived",
  "docvalue_fields",
  "stored_fields",
  "indices_boost",
  "rescore",
  "collapse",
  "suggest",
  "pit",
  "ext",
  "search_pipeline",
  "slice",
  "post_filter",
  "knn",
  "profile",
  "explain",
];

/** Members that no query may have, wherever they are put. */
const INSIDE = MEMBERS.map(
  (member): Json => ({ bool: { filter: [TERM], [member]: { a: { script: SCRIPT } } } }),
);

const HIGHLIGHTS = [["*"], ["customer.*"], ["customer"], ["_all"], ["no_such_field"]];

export const SEARCH_ATTEMPTS: readonly SearchAttempt[] = [
  ...QUERIES.flatMap((query) => QUERY_PLACES.map((place) => ({ kind: "query", asked: place(query) }))),
  ...INSIDE.flatMap((query) =>
    QUERY_PLACES.slice(0, 2).map((place) => ({ kind: "member", asked: place(query) })),
  ),
  ...AGGREGATIONS.flatMap((agg) => AGG_PLACES.map((place) => ({ kind: "aggregation", asked: place(agg) }))),
  ...SORTS.map((sort) => ({ kind: "sort", asked: { sort: [sort] } })),
  ...HIGHLIGHTS.map((highlight) => ({ kind: "highlight", asked: { highlight } })),
  { kind: "depth", asked: { query: nest(40) } },
  { kind: "size", asked: { query: { bool: { should: Array.from({ length: 101 }, () => TERM) } } } },
  { kind: "size", asked: { query: { terms: { status: Array.from({ length: 1_001 }, (_, at) => at) } } } },
  { kind: "size", asked: { query: { match: { note: "x".repeat(30_000) } } } },
  { kind: "after", asked: { after: [{ script: SCRIPT }] } },
];

/** Every place in which a search can name a field. */
export function referField(field: string): SearchAttempt[] {
  const queries: Json[] = [
    { term: { [field]: "a" } },
    { terms: { [field]: ["a"] } },
    { match: { [field]: "a" } },
    { match_phrase: { [field]: "a" } },
    { match_phrase_prefix: { [field]: "a" } },
    { match_bool_prefix: { [field]: "a" } },
    { multi_match: { query: "a", fields: ["status", field] } },
    { multi_match: { query: "a", fields: [`${field}^2`] } },
    { simple_query_string: { query: "a", fields: [field] } },
    { range: { [field]: { gte: "a" } } },
    { exists: { field } },
    { prefix: { [field]: "a" } },
    { wildcard: { [field]: "a*" } },
    { fuzzy: { [field]: "a" } },
  ];
  const aggregations: Json[] = [
    ...[
      "avg",
      "sum",
      "min",
      "max",
      "value_count",
      "stats",
      "extended_stats",
      "cardinality",
      "percentiles",
    ].map((kind): Json => ({ [kind]: { field } })),
    { terms: { field } },
    { missing: { field } },
    { multi_terms: { terms: [{ field: "status" }, { field }] } },
    { composite: { sources: [{ a: { terms: { field } } }] } },
    { range: { field, ranges: [{ to: 1 }] } },
    { date_histogram: { field, calendar_interval: "day" } },
    { filter: { term: { [field]: "a" } } },
  ];
  return [
    ...queries.flatMap((query) =>
      QUERY_PLACES.slice(0, 3).map((place) => ({ kind: `query of ${field}`, asked: place(query) })),
    ),
    ...aggregations.flatMap((agg) =>
      AGG_PLACES.map((place) => ({ kind: `aggregation of ${field}`, asked: place(agg) })),
    ),
    { kind: `sort by ${field}`, asked: { sort: [field] } },
    { kind: `sort by ${field}`, asked: { sort: [{ [field]: { order: "asc", mode: "min" } }] } },
    { kind: `highlight of ${field}`, asked: { highlight: [field] } },
  ];
}

/** What people ask. */
export const HONEST_SEARCHES: readonly AskedSearch[] = [
  {},
  { query: { match_all: {} }, sort: ["_doc"] },
  {
    query: TERM,
    sort: [{ ordered_at: "desc" }, { total: { order: "asc", missing: "_last" } }],
    after: [1, "2"],
  },
  { query: { ids: { values: ["1", "2"] } }, fields: ["status", "customer.*"] },
  {
    query: {
      bool: {
        must: [{ match: { note: { query: "late parcel", operator: "and", fuzziness: "AUTO" } } }],
        filter: [{ range: { ordered_at: { gte: "now-30d/d", lt: "now", time_zone: "+01:00" } } }, TERM],
        must_not: { exists: { field: "customer.country" } },
        should: [{ prefix: { status: "op" } }, { wildcard: { status: { value: "o*n" } } }],
        minimum_should_match: 1,
      },
    },
    highlight: ["note"],
  },
  { query: { multi_match: { query: "parcel", fields: ["note^3", "customer.name"], type: "phrase" } } },
  {
    query: { simple_query_string: { query: '+late -"on time"', fields: ["note"], default_operator: "and" } },
  },
  { query: { nested: { path: "items", query: { term: { "items.sku": "A1" } }, score_mode: "none" } } },
  { query: { terms: { "customer.country": ["DE", "FR"], boost: 2 } } },
  { query: { constant_score: { filter: TERM } } },
  { query: { dis_max: { queries: [TERM, { match_phrase: { note: "lost" } }], tie_breaker: 0.3 } } },
  {
    aggs: {
      by_day: {
        date_histogram: { field: "ordered_at", calendar_interval: "day", min_doc_count: 0 },
        aggs: {
          revenue: { sum: { field: "total" } },
          sum_so_far: { cumulative_sum: { buckets_path: "revenue" } },
        },
      },
      best: { max_bucket: { buckets_path: "by_day>revenue" } },
    },
  },
  {
    aggs: {
      countries: {
        terms: { field: "customer.country", size: 10, order: { revenue: "desc" } },
        aggs: {
          revenue: { avg: { field: "total" } },
          p: { percentiles: { field: "total", percents: [50, 99] } },
        },
      },
      states: { filters: { filters: { open: TERM, closed: { term: { status: "closed" } } } } },
      prices: { range: { field: "total", ranges: [{ to: 10 }, { from: 10, to: 100 }, { from: 100 }] } },
      items: { nested: { path: "items" }, aggs: { skus: { terms: { field: "items.sku" } } } },
      pages: { composite: { size: 100, sources: [{ s: { terms: { field: "status", order: "asc" } } }] } },
      kinds: { cardinality: { field: "status" } },
    },
  },
];

function nest(levels: number): Json {
  let query: Json = TERM;
  for (let level = 0; level < levels; level += 1) query = { bool: { filter: query } };
  return query;
}
