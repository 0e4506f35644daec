import type { JsonValue } from "../../../shared/encoding/json.ts";
import { maskValue } from "../../../shared/redact/mask-value.ts";
import type { FieldSight } from "./sight.ts";

/** A value of a document without what the role may not see: fields are masked or left out by their paths. */
export function maskDocument(
  value: JsonValue,
  sight: FieldSight,
  treatmentOf: (path: string) => ReturnType<FieldSight["treatmentOf"]>,
  path = "",
): JsonValue {
  if (!sight.hidesAny) return value;
  if (Array.isArray(value)) return value.map((item) => maskDocument(item, sight, treatmentOf, path));
  if (typeof value !== "object" || value === null) {
    // A value without a name is what the request made of fields that it may use.
    const treatment = path === "" ? "show" : treatmentOf(path);
    if (treatment === "show" || value === null) return value;
    return treatment === "mask" ? maskValue(String(value)) : null;
  }
  const kept = Object.entries(value).flatMap(([name, inner]) => {
    const below = path === "" ? name : `${path}.${name}`;
    if (treatmentOf(below) === "drop") return [];
    return [[name, maskDocument(inner, sight, treatmentOf, below)] as const];
  });
  return Object.fromEntries(kept);
}
