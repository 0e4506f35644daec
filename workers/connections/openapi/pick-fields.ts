import type { JsonValue } from "../../../shared/encoding/json.ts";

/** The value at a dotted path; `""` is the whole. A name with dots of its own (`@odata.nextLink`) is tried whole first. */
export function valueAt(value: JsonValue, path: string): JsonValue | undefined {
  if (path === "") return value;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  if (Object.hasOwn(value, path)) return value[path];
  const dot = path.indexOf(".");
  if (dot < 0) return undefined;
  const name = path.slice(0, dot);
  return Object.hasOwn(value, name) ? valueAt(value[name] as JsonValue, path.slice(dot + 1)) : undefined;
}

/**
 * What of a value lies at these dotted paths, in the same structure. Lists are passed through: `labels.name` keeps the
 * names of all labels.
 */
export function pickFields(value: JsonValue, paths: readonly string[]): JsonValue {
  if (paths.includes("")) return value;
  if (Array.isArray(value)) return value.map((inner) => pickFields(inner, paths));
  if (typeof value !== "object" || value === null) return value;
  const below = new Map<string, string[]>();
  for (const path of paths) {
    const dot = path.indexOf(".");
    const isName = dot < 0 || Object.hasOwn(value, path);
    const name = isName ? path : path.slice(0, dot);
    below.set(name, [...(below.get(name) ?? []), isName ? "" : path.slice(dot + 1)]);
  }
  const kept = Object.entries(value).flatMap(([name, inner]) => {
    const rest = below.get(name);
    return rest === undefined ? [] : [[name, pickFields(inner, rest)] as const];
  });
  return Object.fromEntries(kept);
}
