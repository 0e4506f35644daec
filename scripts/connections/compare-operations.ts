import { type Definition, parsePart } from "../../shared/connections/definitions.ts";
import { type HttpOperation, httpOperation } from "../../shared/connections/operations.ts";
import { canonicalize } from "../../shared/encoding/canonical-json.ts";
import { isRecord } from "../../shared/encoding/is-record.ts";
import type { JsonValue } from "../../shared/encoding/json.ts";
import type { PlatformDatabase } from "../platform/database.ts";
import { visible } from "./visible.ts";

/** Reads stored definitions. A part that is not stored any more has none. */
export async function readParts(
  database: PlatformDatabase,
  digests: readonly string[],
): Promise<Definition[]> {
  const found: Definition[] = [];
  // One at a time: a part has 400 KB.
  for (const digest of digests.filter((one) => /^[0-9a-f]{64}$/.test(one))) {
    const rows = await database.query(`SELECT document FROM definition_part WHERE digest = '${digest}';`);
    found.push(...rows.flatMap(({ document }) => parsePart(String(document))));
  }
  return found;
}

/**
 * What another import of its document changes in the tools of a connection, operation by operation: lines for a terminal.
 * A changed effect comes first, because scope, approval and hints follow it.
 */
export function compareOperations(before: readonly Definition[], after: readonly Definition[]): string[] {
  const [old, now] = [indexOf(before), indexOf(after)];
  const [added, removed, changed] = [[], [], []] as [string[], string[], string[]];
  for (const operation of now.values()) {
    const known = old.get(operation.name);
    if (known === undefined) added.push(...describeAdded(operation));
    else if (!isSame(known, operation)) changed.push(...describeChange(known, operation));
  }
  for (const { name, effect } of old.values())
    if (!now.has(name)) removed.push(`- ${visible(name)} (${effect})`);
  return [...changed, ...added, ...removed];
}

function indexOf(definitions: readonly Definition[]): Map<string, HttpOperation> {
  return new Map(definitions.map((one) => [one.name, httpOperation.parse(one)] as const));
}

function isSame(one: unknown, other: unknown): boolean {
  return canonicalize((one ?? null) as JsonValue) === canonicalize((other ?? null) as JsonValue);
}

function describeAdded({ name, effect, method, path, description }: HttpOperation): string[] {
  return [`+ ${visible(name)} (${effect}, ${method} ${visible(path)})`, `    ${visible(description)}`];
}

function describeChange(old: HttpOperation, now: HttpOperation): string[] {
  const lines = [
    ...(old.effect === now.effect ? [] : [`  ! effect: ${old.effect} → ${now.effect}`]),
    ...differ("request", `${old.method} ${old.path}`, `${now.method} ${now.path}`),
    ...differ("tool", old.tool, now.tool),
    ...differ("title", old.title, now.title),
    ...differ("description", old.description, now.description),
    ...compareArguments(old.input, now.input),
    ...differ("answers", old.answer ?? "", now.answer ?? ""),
  ];
  // Places, styles, pages: what the request is made of, and no text that a model reads.
  const all = lines.length > 0 ? lines : ["  how it is asked or read"];
  return [`~ ${visible(now.name)}`, ...all.map((line) => `  ${line}`)];
}

function differ(what: string, old: string, now: string): string[] {
  if (old === now) return [];
  return [`  ${what}`, `    - ${visible(old)}`, `    + ${visible(now)}`];
}

function compareArguments(old: HttpOperation["input"], now: HttpOperation["input"]): string[] {
  const [had, has] = [membersOf(old), membersOf(now)];
  const [needed, needs] = [requiredOf(old), requiredOf(now)];
  const list = (what: string, names: readonly string[]) =>
    names.length === 0 ? [] : [`  ${what}: ${names.map(visible).join(", ")}`];
  const kept = Object.keys(has).filter((name) => name in had);
  return [
    ...list(
      "takes also",
      Object.keys(has).filter((name) => !(name in had)),
    ),
    ...list(
      "takes no more",
      Object.keys(had).filter((name) => !(name in has)),
    ),
    ...list(
      "takes differently",
      kept.filter((name) => !isSame(had[name], has[name])),
    ),
    ...list(
      "needs now",
      needs.filter((name) => !needed.includes(name)),
    ),
    ...list(
      "needs no more",
      needed.filter((name) => !needs.includes(name) && name in has),
    ),
  ];
}

function membersOf({ properties }: HttpOperation["input"]): Record<string, unknown> {
  return isRecord(properties) ? properties : {};
}

function requiredOf({ required }: HttpOperation["input"]): string[] {
  return Array.isArray(required) ? required.map(String) : [];
}
