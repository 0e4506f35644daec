import type { JsonValue } from "../../../../shared/encoding/json.ts";
import { type Read, readText } from "../json/read.ts";
import { reject } from "../refuse.ts";

/** Values that JSON does not have, as extended JSON writes them (MongoDB, «Extended JSON v2»), and their texts. */
const WRAPPED: Readonly<Record<string, RegExp>> = {
  $oid: /^[0-9a-fA-F]{24}$/,
  $date: /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:?\d{2}))?$/,
  $numberLong: /^-?\d{1,19}$/,
  $numberDecimal: /^-?\d{1,34}(?:\.\d{1,34})?$/,
  $uuid: /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/,
};

/** Most digits of a decimal; the driver would round more. */
const DECIMAL_DIGITS = 34;

/** Texts that have the shape of their type and no value in it: JavaScript and the driver take others for them. */
const IMPOSSIBLE: Readonly<Record<string, (text: string) => boolean>> = {
  $date: (text) => {
    const day = text.slice(0, 10);
    const start = new Date(`${day}T00:00:00Z`);
    // 2026-02-30 would be 2026-03-02.
    return (
      Number.isNaN(start.getTime()) ||
      start.toISOString().slice(0, 10) !== day ||
      Number.isNaN(Date.parse(text))
    );
  },
  $numberLong: (text) => BigInt.asIntN(64, BigInt(text)) !== BigInt(text),
  $numberDecimal: (text) => text.replace(/^-?0*|\./g, "").length > DECIMAL_DIGITS,
};

/** A value of its own: text, number, true, false, null, or `{"$oid": …}`, `{"$date": …}` and the like. */
export const readValue: Read = (value, at) => {
  if (typeof value !== "object" || value === null)
    return typeof value === "string" ? readText(value, at) : value;
  if (!isWrapped(value))
    throw reject(`${at} must be a single value; name fields inside of objects with dots.`);
  const [key, text] = Object.entries(value)[0] as [string, JsonValue];
  if (typeof text !== "string" || !WRAPPED[key]?.test(text) || IMPOSSIBLE[key]?.(text) === true)
    throw reject(`${at}: ${key} has no such value.`);
  return { [key]: text };
};

/** Whether an object is one value in extended JSON. */
export function isWrapped(value: JsonValue): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const keys = Object.keys(value);
  return keys.length === 1 && Object.hasOwn(WRAPPED, keys[0] ?? "");
}
