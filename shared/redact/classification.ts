import type { z } from "zod";
import type { Classification } from "../call/mask-rules.ts";

const RANKS: readonly Classification[] = ["public", "internal", "pii", "secret"];

/** The classification that a schema declares with `.meta({ classification })`. Throws for an unknown word. */
export function classificationOf(schema: z.core.$ZodType): Classification | undefined {
  const { classification } = (schema as z.ZodType).meta() ?? {};
  if (classification === undefined) return undefined;
  const known = RANKS.find((rank) => rank === classification);
  if (!known) throw new TypeError(`"${String(classification)}" is no classification.`);
  return known;
}

/** The more sensitive of two: the parent's and the field's own classification both apply. */
export function stricter(
  a: Classification | undefined,
  b: Classification | undefined,
): Classification | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return RANKS.indexOf(a) >= RANKS.indexOf(b) ? a : b;
}

const carriers = new WeakMap<z.core.$ZodType, boolean>();

/**
 * Whether any part of a schema is classified. Cached, because schemas are built once and queried on every
 * call.
 */
export function isClassifiedWithin(schema: z.core.$ZodType): boolean {
  let carries = carriers.get(schema);
  if (carries === undefined) {
    carries = search(schema, new Set());
    carriers.set(schema, carries);
  }
  return carries;
}

function search(schema: z.core.$ZodType, seen: Set<z.core.$ZodType>): boolean {
  if (seen.has(schema)) return false;
  seen.add(schema);
  return classificationOf(schema) !== undefined || partsOf(schema).some((part) => search(part, seen));
}

/** The schemas inside a schema's output. */
function partsOf(schema: z.core.$ZodType): readonly z.core.$ZodType[] {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case "object":
      return [...Object.values(def.shape), ...(def.catchall ? [def.catchall] : [])];
    case "array":
      return [def.element];
    case "record":
    case "map":
      return [def.valueType];
    case "tuple":
      return [...def.items, ...(def.rest ? [def.rest] : [])];
    case "union":
      return def.options;
    case "intersection":
      return [def.left, def.right];
    case "lazy":
      return [def.getter()];
    case "pipe":
      return [def.out];
    default:
      return "innerType" in def ? [def.innerType] : [];
  }
}
