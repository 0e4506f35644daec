import { findSensitive, type Wanted } from "./find-sensitive.ts";
import { maskFinding } from "./mask-value.ts";

/** Shorter than anything that is searched for. */
const SHORTEST = 6;

/**
 * Masking can separate two adjacent findings, so that the second is found only in another round. More than
 * three are rare.
 */
const MOST_ROUNDS = 4;

/** Masks sensitive data in free text; the text around it stays. Idempotent. */
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

/** Names of fields that hold addresses or bytes: a changed character would break them. */
const ADDRESSES = new Set(["uri", "mimeType", "blob", "handle", "next_cursor"]);

/** Whether a field of this name is exempt from text masking. */
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
