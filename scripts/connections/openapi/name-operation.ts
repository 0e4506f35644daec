import { digestText } from "../../../shared/encoding/canonical-json.ts";

/** Longest name behind `<connection>_`: the longest connection has 24 characters, and hosts take 64. */
const LONGEST = 39;

/**
 * The name of an operation's tool behind the connection's: `issues/list-for-repo` → `issues_list_for_repo`. A
 * pure function of `operationId`, or of method and path where there is none. One that is too long ends with
 * eight digits of its SHA-256.
 */
export function nameOperation(operationId: string | undefined, method: string, path: string): string {
  const source = operationId ?? `${method} ${path}`;
  const words = source
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1_$2")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "");
  if (words === "") return `operation_${digestText(source).slice(0, 8)}`;
  return words.length <= LONGEST ? words : `${words.slice(0, LONGEST - 9)}_${digestText(source).slice(0, 8)}`;
}
