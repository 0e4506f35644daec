import { isDeeperThan } from "../../../../shared/encoding/depth.ts";
import type { JsonValue } from "../../../../shared/encoding/json.ts";
import type { FieldSight } from "../../documents/sight.ts";
import type { DocumentSource } from "../../documents/source.ts";
import type { JsonObject } from "../json/read.ts";
import { reject } from "../refuse.ts";
import { readPipeline } from "./read-pipeline.ts";
import { DocumentScope, findCollection, type Request, withoutPositions } from "./scope.ts";

/** Most characters of a pipeline. */
const LONGEST = 20_000;

/** Levels of a pipeline. */
const MOST_LEVELS = 40;

/** A pipeline that may run. */
export interface JudgedAggregation {
  collection: string;
  stages: JsonObject[];
  /** How fields of the answer are treated, by path; `null` for an answer made of usable values alone. */
  treatmentOf: ((path: string) => ReturnType<FieldSight["treatmentOf"]>) | null;
  /** Paths that no document of the sample has, with the closest one. */
  hints: string[];
}

/**
 * Judges a pipeline on a collection and builds the stages that are sent. Throws
 * `ToolError("invalid_input" | "forbidden")` for everything that is not on the list, a collection that is not exposed,
 * and a field that the role may not see.
 */
export function judgeAggregation(
  collection: string,
  pipeline: JsonValue,
  catalogue: readonly DocumentSource[],
  sight: FieldSight,
): JudgedAggregation {
  const text = JSON.stringify(pipeline) ?? "";
  if (text.length > LONGEST) throw reject(`The request has more than ${LONGEST} characters.`);
  if (isDeeperThan([pipeline], MOST_LEVELS)) throw reject("The request is nested too deep.");
  const request: Request = { catalogue, sight, parts: 0, unknown: new Set() };
  const source = findCollection(collection, request);
  const start = new DocumentScope(request, [{ prefix: "", source }]);
  const { stages, scope } = readPipeline(pipeline, "pipeline", start);
  const treatmentOf = (path: string) => {
    const plain = withoutPositions(path);
    // A key that is a number says nothing of what is below it.
    const found = [path, ...(plain === "" ? [] : [plain])].map((one) => scope.treatmentOf(one));
    return found.find((one) => one === "drop") ?? found.find((one) => one === "mask") ?? "show";
  };
  return {
    collection: source.name,
    stages,
    treatmentOf: scope.mounts.length === 0 ? null : treatmentOf,
    hints: [...request.unknown].slice(0, 3),
  };
}
