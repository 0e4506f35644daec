import { ToolError } from "../../../shared/call/tool-error.ts";
import { findNearMisses } from "../../../shared/text/near-misses.ts";

/** Most characters of a statement. */
const LONGEST = 20_000;

/** Most names of a list in a message. */
const MOST_NAMES = 40;

/** A statement that its writer can correct. */
export function reject(message: string, suggestedAction?: string): ToolError {
  return new ToolError("invalid_input", message, {
    suggestedAction: suggestedAction ?? "Correct the statement and call the tool again.",
  });
}

/** A statement that asks for what this connection never gives. */
export function forbid(message: string): ToolError {
  return new ToolError("forbidden", message, {
    suggestedAction: "Write the statement without it; do not retry it unchanged.",
  });
}

/** A function that is not on the list. */
export function forbidFunction(name: string, known: Iterable<string>): ToolError {
  return forbid(`The function ${quote(name)} is not allowed here.${suggestNames(name, [...known])}`);
}

/** A question after a sentence: ` Did you mean …?`, or nothing. */
export function suggestNames(name: string, known: readonly string[]): string {
  // Some databases keep names in upper case.
  const written = new Map(known.map((one) => [one.toLowerCase(), one]));
  const near = findNearMisses(name.slice(0, 80).toLowerCase(), [...written.keys()]).map(
    (lower) => written.get(lower) ?? lower,
  );
  return near.length === 0 ? "" : ` Did you mean ${near.map(quote).join(" or ")}?`;
}

/** A name of the statement in a message. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
}

/** Names in a message, cut after the first ones. */
export function listNames(names: readonly string[]): string {
  if (names.length === 0) return "none";
  const shown = names.slice(0, MOST_NAMES).join(", ");
  return names.length > MOST_NAMES ? `${shown} and ${names.length - MOST_NAMES} more` : shown;
}

/** Refuses text that a parser and a server could read differently, whatever the dialect. */
export function checkText(sql: string): void {
  if (sql.length > LONGEST)
    throw reject(`The statement has ${sql.length} characters; at most ${LONGEST} are allowed.`);
  if (sql.trim() === "") throw reject("The statement is empty.");
  if (sql.includes("\0")) throw reject("The statement contains a NUL character.");
  if (!sql.isWellFormed()) throw reject("The statement contains half of a surrogate pair.");
}
