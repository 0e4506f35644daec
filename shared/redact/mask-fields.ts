import { z } from "zod";
import type { Classification, MaskRules } from "../call/mask-rules.ts";
import type { JsonValue } from "../encoding/json.ts";

import { classificationOf, isClassifiedWithin, stricter } from "./classification.ts";
import { isAddress, maskStrings } from "./mask-text.ts";
import { MASK, maskValue } from "./mask-value.ts";

/** Marks a field that is left out. */
const GONE = Symbol("gone");

type Masked = JsonValue | typeof GONE;

/**
 * Walks a schema and a matching JSON value together, and shows, masks or drops every classified field by the
 * rules of a role. Unclassified fields are free text, searched by {@link maskStrings}. The given value is not
 * modified. The result matches the schema again: a value that can be neither masked nor left out becomes
 * `null`, an empty list or {@link MASK}.
 *
 * Throws a `TypeError` where the schema allows none of these (such as a required classified number): a bug of
 * the schema, and nothing is returned.
 */
export function maskFields<Value extends JsonValue>(
  schema: z.core.$ZodType,
  value: Value,
  rules: MaskRules,
): Value {
  return standIn(walk(schema, value, undefined, rules), value) as Value;
}

function walk(
  schema: z.core.$ZodType,
  value: JsonValue,
  around: Classification | undefined,
  rules: MaskRules,
): Masked {
  const own = stricter(around, classificationOf(schema));
  if (own === undefined && !isClassifiedWithin(schema)) return maskStrings(value, rules.text);
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case "object": {
      const { shape, catchall } = def;
      const fieldOf = (name: string) => (Object.hasOwn(shape, name) ? shape[name] : catchall);
      return walkFields(value, fieldOf, own, rules);
    }
    case "record":
      return walkFields(value, () => def.valueType, own, rules, false);
    case "array":
      return walkItems(value, () => def.element, own, rules);
    case "tuple":
      return walkItems(value, (index) => def.items[index] ?? def.rest ?? undefined, own, rules);
    case "union":
      return walkFitting(def.options, value, own, rules);
    case "intersection": {
      const left = walk(def.left, value, own, rules);
      return left === GONE ? left : walk(def.right, left, own, rules);
    }
    case "lazy":
      return walk(def.getter(), value, own, rules);
    case "pipe":
      return walk(def.out, value, own, rules);
    case "nullable": {
      const inner = value === null ? null : walk(def.innerType, value, own, rules);
      return inner === GONE ? null : inner;
    }
    default:
      return "innerType" in def ? walk(def.innerType, value, own, rules) : treatLeaf(value, own, rules);
  }
}

/** `named`: the schema names its fields, so a field that is not optional must be present. */
function walkFields(
  value: JsonValue,
  schemaOf: (name: string) => z.core.$ZodType | undefined,
  around: Classification | undefined,
  rules: MaskRules,
  named = true,
): Masked {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return treatLeaf(value, around, rules);
  }
  const kept: [string, JsonValue][] = [];
  for (const [name, item] of Object.entries(value)) {
    const schema = schemaOf(name);
    const untouched = around === undefined && isAddress(name) && typeof item === "string";
    const masked = untouched ? item : walkOrTreat(schema, item, around, rules);
    if (masked !== GONE) kept.push([name, masked]);
    else if (named && schema?._zod.optout === undefined) kept.push([name, standIn(GONE, item)]);
  }
  return Object.fromEntries(kept);
}

function walkItems(
  value: JsonValue,
  schemaOf: (index: number) => z.core.$ZodType | undefined,
  around: Classification | undefined,
  rules: MaskRules,
): Masked {
  if (!Array.isArray(value)) return treatLeaf(value, around, rules);
  const items = value.map((item, index) => walkOrTreat(schemaOf(index), item, around, rules));
  return items.filter((item) => item !== GONE);
}

function walkOrTreat(
  schema: z.core.$ZodType | undefined,
  value: JsonValue,
  around: Classification | undefined,
  rules: MaskRules,
): Masked {
  return schema ? walk(schema, value, around, rules) : treatLeaf(value, around, rules);
}

/** A value may match several options of a union; a part that any of them hides is hidden. */
function walkFitting(
  options: readonly z.core.$ZodType[],
  value: JsonValue,
  around: Classification | undefined,
  rules: MaskRules,
): Masked {
  const fitting = options.filter((option) => z.safeParse(option, value).success);
  let masked: Masked = value;
  for (const option of fitting.length > 0 ? fitting : options) {
    if (masked !== GONE) masked = walk(option, masked, around, rules);
  }
  return masked;
}

/** A value without named parts: text, number, boolean, or arbitrary JSON. */
function treatLeaf(value: JsonValue, classification: Classification | undefined, rules: MaskRules): Masked {
  if (classification === undefined) return maskStrings(value, rules.text);
  const treatment = rules.fields[classification];
  if (treatment === "show" || value === null) return value;
  return treatment === "mask" && typeof value === "string" ? maskValue(value) : GONE;
}

/** A replacement for a required value. */
function standIn(masked: Masked, original: JsonValue): JsonValue {
  if (masked !== GONE) return masked;
  if (typeof original === "string") return MASK;
  if (Array.isArray(original)) return [];
  throw new TypeError("A classified field that must be there can be neither masked nor left out.");
}
