import { findSensitive, type Wanted } from "./find-sensitive.ts";
import { maskFinding } from "./mask-value.ts";

/** Shorter than anything that is looked for. */
const SHORTEST = 6;

/** Masking can part two things that touched, so that the second is found only then. Three in a row are rare. */
const MOST_ROUNDS = 4;

/** Masks what is found in free text; everything around it stays as it is. Masking twice changes nothing more. */
export function maskText(text: string, wanted: readonly Wanted[]): string {
  let masked = text;
  for (let round = 0; round < MOST_ROUNDS && masked.length >= SHORTEST; round++) {
    const before = masked;
    masked = maskFound(before, wanted);
    if (masked === before) break;
  }
  return masked;
}

function maskFound(text: string, wanted: readonly Wanted[]): string {
  let masked = "";
  let end = 0;
  for (const finding of findSensitive(text, wanted)) {
    const value = text.slice(finding.start, finding.end);
    masked += text.slice(end, finding.start) + maskFinding(finding.kind, value);
    end = finding.end;
  }
  return masked + text.slice(end);
}

/** Names of fields that address something or hold bytes: a changed character would break them. */
const ADDRESSES = new Set(["uri", "mimeType", "blob", "handle", "next_cursor"]);

/** Whether a field of this name is no text to read. */
export function isAddress(name: string): boolean {
  return ADDRESSES.has(name);
}

/** Masks free text in every string of a JSON value, except in fields that {@link isAddress} names. */
export function maskStrings<Value>(value: Value, wanted: readonly Wanted[]): Value {
  return visit(value, wanted) as Value;
}

function visit(value: unknown, wanted: readonly Wanted[]): unknown {
  if (typeof value === "string") return maskText(value, wanted);
  if (Array.isArray(value)) return value.map((item) => visit(item, wanted));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, item]) => [
    name,
    isAddress(name) && typeof item === "string" ? item : visit(item, wanted),
  ]);
  return Object.fromEntries(entries);
}
