import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { DocumentField, DocumentSource } from "../../../workers/connections/documents/source.ts";

/** A pipeline that must not reach a server. */
export interface PipelineAttempt {
  kind: string;
  pipeline: JsonValue;
}

function source(name: string, paths: string): DocumentSource {
  const fields = paths.split(" ").map(
    (path): DocumentField => ({
      path,
      type: /^(?:customer|items|contact)$/.test(path) ? "object" : "string",
      isObject: /^(?:customer|items|contact)$/.test(path),
      from: [],
      isOpaque: false,
    }),
  );
  return { name, kind: "collection", alsoKnownAs: [], documents: 10, fields };
}

/** The exposed collections. `secrets` exists and is not exposed. */
export const CATALOGUE: readonly DocumentSource[] = [
  source(
    "orders",
    "_id status total customer customer.id customer.name customer.email tags placed_at items items.sku items.qty",
  ),
  source("people", "_id name country contact contact.email contact.phone"),
];

/** Named apart: an object with such a member looks like a promise to the linter. */
const THEN = "then";

const CODE = "function () { return this.customer.email }";

/** Ways to put an expression into a pipeline. */
const EXPRESSION_PLACES: readonly ((expression: JsonValue) => JsonValue)[] = [
  (x) => [{ $match: { $expr: x } }],
  (x) => [{ $project: { a: x } }],
  (x) => [{ $addFields: { a: { $concat: ["a", x] } } }],
  (x) => [{ $group: { _id: x } }],
  (x) => [{ $group: { _id: null, a: { $max: x } } }],
  (x) => [{ $group: { _id: { deep: [x] } } }],
  (x) => [{ $project: { a: { $cond: [true, x, null] } } }],
  (x) => [{ $project: { a: { $map: { input: [1], as: "i", in: x } } } }],
  (x) => [{ $project: { a: { $let: { vars: { v: x }, in: "$$v" } } } }],
  (x) => [{ $sortByCount: x }],
  (x) => [{ $unionWith: { coll: "orders", pipeline: [{ $project: { a: x } }] } }],
];

/** Expressions that run scripts, read whole documents of names made at the server, or are not known. */
const EXPRESSIONS: readonly JsonValue[] = [
  { $function: { body: CODE, args: [], lang: "js" } },
  { $accumulator: { init: CODE, accumulate: CODE, merge: CODE, lang: "js" } },
  { $where: CODE },
  { $getField: { field: { $concat: ["customer.", "email"] }, input: "$$ROOT" } },
  { $getField: "customer" },
  { $setField: { field: "a", input: "$$ROOT", value: 1 } },
  { $unsetField: { field: "a", input: "$$ROOT" } },
  { $objectToArray: "$customer" },
  { $mergeObjects: ["$customer", {}] },
  { $arrayToObject: [[["a", 1]]] },
  { $meta: "textScore" },
  { $range: [0, 2_000_000_000] },
  { $sampleRate: 0.5 },
  { $rand: {} },
  { $binarySize: "$customer" },
  { $bsonSize: "$$ROOT" },
  { $toHashedIndexKey: "$customer" },
  { $zip: { inputs: ["$items"] } },
  { $sortArray: { input: "$items", sortBy: { sku: 1 } } },
  { $_internalJsEmit: { eval: CODE, this: "$$ROOT" } },
  "$$USER_ROLES",
  "$$CLUSTER_TIME",
  "$$SEARCH_META",
  "$$JS_SCOPE",
  "$$unknown",
  "$",
  "$.a",
  "$a..b",
  "$a.$b",
  "$a\0b",
  { $add: [1, 1], $function: { body: CODE } },
  { $literal: { $function: { body: CODE } } },
  { $regexMatch: { input: "$status", regex: "a", script: CODE } },
];

/** Stages that write, read elsewhere, show the server, or are not known. */
const STAGES: readonly JsonValue[] = [
  { $out: "orders" },
  { $out: { db: "other", coll: "x" } },
  { $merge: "orders" },
  { $merge: { into: { db: "other", coll: "x" }, whenMatched: "replace" } },
  { $lookup: { from: "secrets", localField: "status", foreignField: "token", as: "a" } },
  {
    $lookup: { from: { db: "other", coll: "orders" }, localField: "status", foreignField: "token", as: "a" },
  },
  { $lookup: { from: "system.users", pipeline: [], as: "a" } },
  { $lookup: { from: "people", pipeline: [{ $out: "x" }], as: "a" } },
  { $lookup: { from: "people", let: { e: "$customer" }, pipeline: [], as: "a" } },
  { $lookup: { from: "people", localField: "status", as: "a" } },
  { $lookup: { from: "people", localField: "status", foreignField: "name", as: "$a" } },
  { $lookup: { from: "people", localField: "status", foreignField: "name", as: "a", unwinding: {} } },
  { $lookup: { pipeline: [{ $documents: [{}] }], as: "a" } },
  {
    $graphLookup: {
      from: "secrets",
      startWith: "$status",
      connectFromField: "a",
      connectToField: "b",
      as: "c",
    },
  },
  { $unionWith: "secrets" },
  { $unionWith: { coll: "system.views" } },
  { $unionWith: { coll: "people", pipeline: [{ $merge: "people" }] } },
  { $unionWith: { db: "other", coll: "people" } },
  { $facet: { a: [{ $out: "x" }] } },
  { $documents: [{ a: 1 }] },
  { $collStats: { storageStats: {} } },
  { $indexStats: {} },
  { $currentOp: { allUsers: true } },
  { $listSessions: {} },
  { $listLocalSessions: { allUsers: true } },
  { $planCacheStats: {} },
  { $changeStream: {} },
  { $geoNear: { near: [0, 0], distanceField: "d" } },
  { $search: { text: { query: "a", path: { wildcard: "*" } } } },
  { $searchMeta: {} },
  { $vectorSearch: {} },
  { $redact: "$$DESCEND" },
  { $densify: { field: "total", range: { step: 0.0001, bounds: "full" } } },
  { $fill: { output: { total: { value: "$customer" } } } },
  { $setWindowFields: { output: {} } },
  { $bucketAuto: { groupBy: "$status", buckets: 5 } },
  { $queue: [] },
  { $mergeCursors: [] },
  { $_internalInhibitOptimization: {} },
  { $sample: { size: 1_000_000 } },
  { $limit: 0 },
  { $limit: "1" },
  { $skip: -1 },
  { $sort: { status: { $meta: "textScore" } } },
  { $sort: {} },
  { $sort: { "a.$b": 1 } },
  { $project: { "a.$b": 1 } },
  { $project: { status: 7 } },
  { $project: { a: { $slice: ["$tags", { $function: { body: CODE } }] } } },
  { $addFields: { $where: CODE } },
  { $addFields: { __gatehouse_sort_0: "$status" } },
  { $group: { total: { $sum: 1 } } },
  { $group: { _id: null, a: { $accumulator: { init: CODE } } } },
  { $group: { _id: null, "a.b": { $sum: 1 } } },
  { $group: { _id: null, a: { $mergeObjects: "$customer" } } },
  { $group: { _id: null, a: { $topN: { output: "$customer", sortBy: { total: 1 }, n: 9 } } } },
  { $unwind: "status" },
  { $unwind: "$$ROOT" },
  { $count: "$n" },
  { $match: {}, $out: "x" },
  {},
];

/** Where a stage stands. */
const STAGE_PLACES: readonly ((stage: JsonValue) => JsonValue)[] = [
  (stage) => [stage],
  (stage) => [{ $match: { status: "a" } }, stage],
  (stage) => [{ $unionWith: { coll: "people", pipeline: [stage] } }],
  (stage) => [{ $lookup: { from: "orders", pipeline: [stage], as: "joined" } }],
];

/** Filters that run scripts, compare whole objects, or are not known. */
const FILTERS: readonly JsonValue[] = [
  { $where: CODE },
  { $where: { code: CODE } },
  { $text: { $search: "ann" } },
  { $jsonSchema: { properties: { "customer.email": { pattern: "^a" } } } },
  { $comment: { $function: {} } },
  { $sampleRate: 0.5 },
  { $alwaysTrue: 1 },
  { $_internalExprEq: 1 },
  { $expr: { $function: { body: CODE } } },
  { status: { $where: CODE } },
  { status: { $near: [0, 0] } },
  { status: { $geoWithin: {} } },
  { status: { $in: [{ a: 1 }] } },
  { status: { $in: "open" } },
  { status: { $elemMatch: { $where: CODE } } },
  { status: { $elemMatch: { a: { $expr: 1 } } } },
  { items: { $elemMatch: { $expr: { $eq: ["$customer.email", "a"] } } } },
  { status: { $not: "open" } },
  { status: { $not: { $function: {} } } },
  { status: { $regex: { $function: {} } } },
  { status: { $regex: "x".repeat(600) } },
  { status: { $regex: "a", $options: "e" } },
  { customer: { name: "Ann", email: "ann@people.example" } },
  { customer: { $eq: { email: "ann@people.example" } } },
  { customer: { $gt: { email: "a" } } },
  { customer: {} },
  { customer: { $in: [{ email: "a" }] } },
  { items: { $all: [{ $elemMatch: { sku: "a" } }] } },
  { "a.$where": 1 },
  { "a..b": 1 },
  { "": 1 },
  { "a\0b": 1 },
  { status: { $date: "now" } },
  { status: { $date: "2026-02-30" } },
  { status: { $date: "2026-02-30T10:00:00Z" } },
  { status: { $date: "2025-02-29T10:00:00+02:00" } },
  { status: { $date: "2026-13-01" } },
  { status: { $date: "2026-01-01T25:00:00Z" } },
  { status: { $date: "2026-01-01T10:61Z" } },
  { status: { $date: "2026-01-01T10:00:00+99:99" } },
  { status: { $numberLong: "9223372036854775808" } },
  { status: { $numberLong: "-9999999999999999999" } },
  { status: { $numberDecimal: "12345678901234567890.123456789012345" } },
  { status: { $oid: { $gt: "" } } },
  { status: { $code: CODE } },
  { status: { $regularExpression: { pattern: "a", options: "" } } },
  { status: { $dbPointer: {} } },
  { status: { $minKey: 1 } },
];

/** Where a filter stands. */
const FILTER_PLACES: readonly ((filter: JsonValue) => JsonValue)[] = [
  (filter) => [{ $match: filter }],
  (filter) => [{ $match: { $and: [{ status: "a" }, { $nor: [filter] }] } }],
  (filter) => [{ $lookup: { from: "orders", pipeline: [{ $match: filter }], as: "joined" } }],
];

export const PIPELINE_ATTEMPTS: readonly PipelineAttempt[] = [
  ...EXPRESSIONS.flatMap((x) =>
    EXPRESSION_PLACES.map((place) => ({ kind: "expression", pipeline: place(x) })),
  ),
  ...STAGES.flatMap((x) => STAGE_PLACES.map((place) => ({ kind: "stage", pipeline: place(x) }))),
  ...FILTERS.flatMap((x) => FILTER_PLACES.map((place) => ({ kind: "filter", pipeline: place(x) }))),
  { kind: "depth", pipeline: nest(30) },
  { kind: "depth", pipeline: Array.from({ length: 31 }, () => ({ $limit: 1 })) },
  { kind: "size", pipeline: [{ $match: { status: "x".repeat(30_000) } }] },
  { kind: "size", pipeline: [{ $match: { status: { $in: Array.from({ length: 1_001 }, (_, at) => at) } } }] },
];

/** Every place in which a pipeline can name a field of the orders, or of documents that are joined to them. */
export function referPath(path: string): PipelineAttempt[] {
  const filters: JsonValue[] = [
    { [path]: "a" },
    { [path]: { $gt: "a" } },
    { [path]: { $in: ["a"] } },
    { [path]: { $exists: true } },
    { [path]: { $type: "string" } },
    { [path]: { $regex: "^a" } },
    { [path]: { $not: { $regex: "^a" } } },
    { [path]: { $elemMatch: { $eq: "a" } } },
    { $or: [{ [path]: null }, { status: "a" }] },
  ];
  const stages: JsonValue[] = [
    { $sort: { [path]: 1 } },
    { $sort: { status: 1, [path]: -1 } },
    { $unwind: `$${path}` },
    { $project: { [path]: 1 } },
    { $lookup: { from: "people", localField: path, foreignField: "name", as: "p" } },
  ];
  const expressions: JsonValue[] = [`$${path}`, { $size: `$${path}` }, { $type: `$${path}` }];
  return [
    ...filters.flatMap((x) =>
      FILTER_PLACES.slice(0, 2).map((place) => ({ kind: `filter by ${path}`, pipeline: place(x) })),
    ),
    ...stages.map((stage) => ({ kind: `stage with ${path}`, pipeline: [stage] })),
    ...expressions.flatMap((x) =>
      EXPRESSION_PLACES.slice(0, 10).map((place) => ({ kind: `expression of ${path}`, pipeline: place(x) })),
    ),
  ];
}

/** What people ask. */
export const HONEST_PIPELINES: readonly JsonValue[] = [
  [
    { $match: { status: "open", total: { $gte: 10, $lt: 100 } } },
    { $sort: { placed_at: -1 } },
    { $limit: 5 },
  ],
  [{ $match: { _id: { $in: [{ $oid: "65f000000000000000000000" }] } } }],
  [{ $match: { placed_at: { $gte: { $date: "2026-01-01T00:00:00Z" } }, tags: { $all: ["a", "b"] } } }],
  [{ $match: { items: { $elemMatch: { sku: "A1", qty: { $gt: 2 } } } } }],
  [
    {
      $match: {
        $or: [{ status: { $regex: "^op", $options: "i" } }, { "customer.name": { $exists: false } }],
      },
    },
  ],
  [{ $match: { status: { $not: { $in: ["a", "b"] } } } }],
  [{ $match: { $expr: { $gt: ["$total", { $multiply: [2, "$items.qty"] }] } } }],
  [
    { $unwind: { path: "$items", preserveNullAndEmptyArrays: true } },
    { $group: { _id: "$items.sku", sold: { $sum: "$items.qty" }, orders: { $count: {} } } },
    { $sort: { sold: -1 } },
    { $project: { _id: 0, sku: "$_id", sold: 1, share: { $round: [{ $divide: ["$sold", "$orders"] }, 2] } } },
  ],
  [
    {
      $group: {
        _id: { month: { $dateToString: { date: "$placed_at", format: "%Y-%m" } }, status: "$status" },
        revenue: { $sum: "$total" },
      },
    },
    { $sort: { "_id.month": 1 } },
  ],
  [{ $sortByCount: "$status" }],
  [{ $bucket: { groupBy: "$total", boundaries: [0, 10, 100], default: "more", output: { n: { $sum: 1 } } } }],
  [{ $unwind: "$tags" }, { $group: { _id: null, tags: { $addToSet: "$tags" } } }],
  [
    { $addFields: { large: { $cond: { if: { $gt: ["$total", 100] }, [THEN]: "yes", else: "no" } } } },
    { $unset: "tags" },
  ],
  [{ $project: { tags: { $filter: { input: ["a", "b"], as: "t", cond: { $ne: ["$$t", "a"] } } } } }],
  [
    {
      $project: {
        n: { $switch: { branches: [{ case: { $eq: ["$status", "a"] }, [THEN]: 1 }], default: 0 } },
      },
    },
  ],
  [
    {
      $project: { all: { $reduce: { input: [1, 2], initialValue: 0, in: { $add: ["$$value", "$$this"] } } } },
    },
  ],
  [{ $project: { label: { $let: { vars: { s: "$status" }, in: { $toUpper: "$$s" } } } } }],
  [{ $match: { status: "a" } }, { $count: "n" }],
  [{ $sample: { size: 10 } }],
  [
    { $lookup: { from: "people", localField: "customer.id", foreignField: "_id", as: "person" } },
    { $match: { "person.country": "DE" } },
    { $project: { "person.name": 1, status: 1 } },
  ],
  [{ $unionWith: { coll: "people", pipeline: [{ $match: { country: "DE" } }] } }, { $count: "n" }],
];

function nest(levels: number): JsonValue {
  let filter: JsonValue = { status: "a" };
  for (let level = 0; level < levels; level += 1) filter = { $and: [filter] };
  return [{ $match: filter }];
}
