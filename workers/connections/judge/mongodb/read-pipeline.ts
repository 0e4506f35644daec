import type { JsonValue } from "../../../../shared/encoding/json.ts";
import {
  integer,
  type JsonObject,
  list,
  members,
  onlyMember,
  readBoolean,
  readObject,
} from "../json/read.ts";
import { forbid, quote, reject, suggestNames } from "../refuse.ts";
import { ACCUMULATORS } from "./operators.ts";
import { checkName, readExpression } from "./read-expression.ts";
import { readFilter } from "./read-filter.ts";
import { type DocumentScope, findCollection, type Mount } from "./scope.ts";

/** Most stages of one pipeline. */
const MOST_STAGES = 30;

/** Pipelines inside of each other. */
const MOST_LEVELS = 3;

/** Most documents that a stage skips or takes. */
const MOST_ROWS = 1_000_000;

/** Begins the names of fields that are made to sort by, and removed again. */
const SORT_KEY = "__gatehouse_sort_";

/** Stages as they are sent, and what their documents hold. */
export interface ReadPipeline {
  stages: JsonObject[];
  scope: DocumentScope;
}

type ReadStage = (value: JsonValue, at: string, scope: DocumentScope, level: number) => ReadPipeline;

/** A pipeline on a collection. Nothing of it writes, runs scripts, or reads what is not exposed. */
export function readPipeline(value: JsonValue, at: string, start: DocumentScope, level = 1): ReadPipeline {
  if (!Array.isArray(value)) throw reject(`${at} must be a list of stages.`);
  if (value.length > MOST_STAGES) throw reject(`${at} has more than ${MOST_STAGES} stages.`);
  if (level > MOST_LEVELS) throw reject(`Pipelines are nested more than ${MOST_LEVELS} levels deep.`);
  let scope = start;
  const stages: JsonObject[] = [];
  for (const [index, stage] of value.entries()) {
    scope.count();
    const place = `${at}[${index}]`;
    const [name, given] = onlyMember(stage, place);
    const read = STAGES.get(name);
    if (read === undefined)
      throw forbid(`The stage ${quote(name)} is not allowed here.${suggestNames(name, [...STAGES.keys()])}`);
    const done = read(given, `${place}.${name}`, scope, level);
    stages.push(...done.stages);
    scope = done.scope;
  }
  return { stages, scope };
}

/** Sorting by fields. By one that may hold something hidden, only its single values count. */
function readSort(value: JsonValue, at: string, scope: DocumentScope): JsonObject[] {
  const made: JsonObject = {};
  const keys = Object.entries(readObject(value, at)).map(([path, way], index): [string, JsonValue] => {
    if (way !== 1 && way !== -1) throw reject(`${at}.${path} must be 1 or -1.`);
    scope.path(path, at);
    if (!scope.mayHideBelow(path)) return [path, way];
    made[`${SORT_KEY}${index}`] = readExpression(`$${path}`, at, scope);
    return [`${SORT_KEY}${index}`, way];
  });
  if (keys.length === 0 || keys.length > 5) throw reject(`${at} must have 1 to 5 fields.`);
  const sort = { $sort: Object.fromEntries(keys) };
  if (Object.keys(made).length === 0) return [sort];
  return [{ $addFields: made }, sort, { $unset: Object.keys(made) }];
}

/** Documents that a stage makes of usable values. */
function made(scope: DocumentScope, ...stages: JsonObject[]): ReadPipeline {
  return { stages, scope: scope.with([]) };
}

function readProject(value: JsonValue, at: string, scope: DocumentScope): JsonObject {
  const entries = Object.entries(readObject(value, at));
  if (entries.length === 0) throw reject(`${at} must name fields.`);
  return Object.fromEntries(
    entries.map(([path, given]): [string, JsonValue] => {
      const isLeftOut = given === 0 || given === false;
      if (isLeftOut || given === 1 || given === true)
        return [isLeftOut ? path : scope.path(path, at), isLeftOut ? 0 : 1];
      if (typeof given === "number") throw reject(`${at}.${path} must be 0, 1 or an expression.`);
      return [checkNewPath(path, at), readExpression(given, `${at}.${path}`, scope)];
    }),
  );
}

/** A path at which a stage puts a value. */
function checkNewPath(path: string, at: string): string {
  for (const part of path.split(".")) checkName(part, at);
  if (path.startsWith(SORT_KEY)) throw reject(`${at}: ${quote(path)} is a name of Gatehouse.`);
  return path;
}

function readGroup(value: JsonValue, at: string, scope: DocumentScope): JsonObject {
  const { _id, ...accumulated } = readObject(value, at);
  if (_id === undefined) throw reject(`${at} needs "_id": what documents are grouped by, or null.`);
  return { _id: readExpression(_id, `${at}._id`, scope), ...readAccumulators(accumulated, at, scope) };
}

function readAccumulators(value: JsonValue, at: string, scope: DocumentScope): JsonObject {
  return Object.fromEntries(
    Object.entries(readObject(value, at)).map(([name, given]) => {
      const [operator, inner] = onlyMember(given, `${at}.${name}`);
      if (operator === "$count") return [checkName(name, at), { $sum: 1 }];
      if (!ACCUMULATORS.has(operator))
        throw forbid(
          `The accumulator ${quote(operator)} is not allowed here.${suggestNames(operator, [...ACCUMULATORS, "$count"])}`,
        );
      return [checkName(name, at), { [operator]: readExpression(inner, `${at}.${name}`, scope) }];
    }),
  );
}

const readUnwind: ReadStage = (value, at, scope) => {
  const given = typeof value === "string" ? { path: value } : readObject(value, at);
  const read = members(
    {
      path: (text, place) => {
        if (typeof text !== "string" || !/^\$[^$]/.test(text))
          throw reject(`${place} must be a path with $.`);
        return `$${scope.path(text.slice(1), place)}`;
      },
      includeArrayIndex: (name, place) => checkName(String(name), place),
      preserveNullAndEmptyArrays: readBoolean,
    },
    ["path"],
  );
  return { stages: [{ $unwind: read(given, at) }], scope };
};

/** Joins documents of an exposed collection; what they hide stays hidden where they are put. */
const readLookup: ReadStage = (value, at, scope, level) => {
  const { from, localField, foreignField, as, let: given, pipeline, ...others } = readObject(value, at);
  const [other] = Object.keys(others);
  if (other !== undefined) throw forbid(`${quote(other)} is not allowed in ${at}.`);
  const source = findCollection(from ?? null, scope.request);
  const joined = scope.with([{ prefix: "", source }]);
  if (typeof as !== "string") throw reject(`${at}.as must be the name of a field.`);
  const kept: JsonObject = { from: source.name, as: checkNewPath(as, at) };
  if ((localField === undefined) !== (foreignField === undefined))
    throw reject(`${at} needs both localField and foreignField, or neither.`);
  if (localField !== undefined && foreignField !== undefined) {
    kept.localField = readJoin(localField, `${at}.localField`, scope);
    kept.foreignField = readJoin(foreignField, `${at}.foreignField`, joined);
  }
  let inner: readonly Mount[] = joined.mounts;
  if (pipeline !== undefined) {
    if (given !== undefined)
      throw forbid(`"let" is not allowed in ${at}: join by localField and foreignField.`);
    const read = readPipeline(pipeline, `${at}.pipeline`, joined, level + 1);
    kept.pipeline = read.stages;
    inner = read.scope.mounts;
  } else if (localField === undefined)
    throw reject(`${at} needs localField and foreignField, or a pipeline.`);
  const mounts = inner.map(({ prefix, source: own }) => ({
    prefix: prefix === "" ? as : `${as}.${prefix}`,
    source: own,
  }));
  return { stages: [{ $lookup: kept }], scope: scope.with([...scope.mounts, ...mounts]) };
};

function readJoin(value: JsonValue, at: string, scope: DocumentScope): string {
  if (typeof value !== "string") throw reject(`${at} must be the path of a field.`);
  const path = scope.path(value, at);
  if (scope.mayHideBelow(path))
    throw forbid(`Your role may not join by ${quote(path)}: it may hold fields that are hidden from it.`);
  return path;
}

const readUnion: ReadStage = (value, at, scope, level) => {
  const { coll, pipeline, ...others } = typeof value === "string" ? { coll: value } : readObject(value, at);
  if (Object.keys(others).length > 0) throw reject(`${at} has coll and pipeline alone.`);
  const source = findCollection(coll ?? null, scope.request);
  const start = scope.with([{ prefix: "", source }]);
  const { stages, scope: end } = readPipeline(pipeline ?? [], `${at}.pipeline`, start, level + 1);
  return {
    stages: [{ $unionWith: { coll: source.name, pipeline: stages } }],
    scope: scope.with([...scope.mounts, ...end.mounts]),
  };
};

const STAGES: ReadonlyMap<string, ReadStage> = new Map(
  Object.entries({
    $match: (value, at, scope) => ({ stages: [{ $match: readFilter(value, at, scope) }], scope }),
    $project: (value, at, scope) => ({ stages: [{ $project: readProject(value, at, scope) }], scope }),
    $addFields: (value, at, scope) => ({ stages: [{ $addFields: readNewFields(value, at, scope) }], scope }),
    $set: (value, at, scope) => ({ stages: [{ $addFields: readNewFields(value, at, scope) }], scope }),
    $unset: (value, at, scope) => {
      const paths = typeof value === "string" ? [value] : value;
      const read = list(100, (path, place) => checkNewPath(String(path), place));
      return { stages: [{ $unset: read(paths, at) }], scope };
    },
    $group: (value, at, scope) => made(scope, { $group: readGroup(value, at, scope) }),
    $bucket: (value, at, scope) => {
      const { groupBy, boundaries, default: rest, output, ...others } = readObject(value, at);
      const [other] = Object.keys(others);
      if (other !== undefined) throw forbid(`${quote(other)} is not allowed in ${at}.`);
      const read = {
        groupBy: readExpression(groupBy ?? null, `${at}.groupBy`, scope),
        boundaries: readExpression(boundaries ?? null, `${at}.boundaries`, scope),
        ...(rest !== undefined && { default: readExpression(rest, `${at}.default`, scope) }),
        ...(output !== undefined && { output: readAccumulators(output, `${at}.output`, scope) }),
      };
      return made(scope, { $bucket: read });
    },
    $sortByCount: (value, at, scope) => made(scope, { $sortByCount: readExpression(value, at, scope) }),
    $count: (value, at, scope) => made(scope, { $count: checkName(String(value), at) }),
    $sort: (value, at, scope) => ({ stages: readSort(value, at, scope), scope }),
    $limit: (value, at, scope) => ({ stages: [{ $limit: integer(1, MOST_ROWS)(value, at) }], scope }),
    $skip: (value, at, scope) => ({ stages: [{ $skip: integer(0, MOST_ROWS)(value, at) }], scope }),
    $sample: (value, at, scope) => ({
      stages: [{ $sample: members({ size: integer(1, 1_000) }, ["size"])(value, at) }],
      scope,
    }),
    $unwind: readUnwind,
    $lookup: readLookup,
    $unionWith: readUnion,
    $replaceRoot: (value, at, scope) => {
      if (scope.hidesAny) throw forbid("Your role may not put one object in the place of a document.");
      const { newRoot } = members({ newRoot: (root) => root }, ["newRoot"])(value, at);
      return { stages: [{ $replaceRoot: { newRoot: readExpression(newRoot ?? null, at, scope) } }], scope };
    },
  } satisfies Record<string, ReadStage>),
);

function readNewFields(value: JsonValue, at: string, scope: DocumentScope): JsonObject {
  const entries = Object.entries(readObject(value, at));
  if (entries.length === 0) throw reject(`${at} must make a field.`);
  return Object.fromEntries(
    entries.map(([path, given]) => [checkNewPath(path, at), readExpression(given, `${at}.${path}`, scope)]),
  );
}
