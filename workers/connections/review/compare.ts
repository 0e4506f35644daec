import type { Definition } from "../../../shared/connections/definitions.ts";
import { foreignAddress, foreignName } from "../../../shared/connections/foreign-names.ts";
import { canonicalize, digestText } from "../../../shared/encoding/canonical-json.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { type Finding, findInDefinition } from "./find-in-definition.ts";
import type { StoredDefinition } from "./found.ts";

/** A definition that an administrator looks at. */
export interface ReviewItem {
  type: Definition["type"];
  name: string;
  /** Name under which clients get it. */
  offeredAs: string;
  digest: string;
  /**
   * `new`, `changed` against the approved one, `renamed` if an approved one with the same content is gone,
   * `approved`, `refused` if an administrator decided against it, or `gone` for an approved one that the other system does
   * not offer any more.
   */
  status: "new" | "changed" | "renamed" | "approved" | "refused" | "gone";
  /** The earlier name of a renamed one. */
  formerly?: string;
  definition: Definition;
  /** What differs from the approved one, by path. */
  changes: { path: string; before: JsonValue | null; after: JsonValue | null }[];
  findings: Finding[];
  /** Why it cannot be approved, or `null`. */
  refusal: string | null;
}

/** Whether an administrator has to decide about an item. */
export function isWaiting({ status }: Pick<ReviewItem, "status">): boolean {
  return status === "new" || status === "changed" || status === "renamed";
}

/** Names that are taken: those of other servers. */
export interface TakenNames {
  /** Names of tools and prompts that other servers offer. */
  names: ReadonlySet<string>;
  /** Names that tools of other connections have at their own servers. */
  atHome: ReadonlySet<string>;
}

/**
 * What a connected system offers now against what was approved.
 *
 * @param seenAt - when the other system was asked; approved definitions that were last seen before are gone
 */
export function compareFound(
  connection: string,
  found: readonly StoredDefinition[],
  seenAt: number,
  taken: TakenNames,
): ReviewItem[] {
  const approved = found.filter(({ state }) => state === "approved");
  const offered = found.filter((one) => one.seenAt >= seenAt);
  const gone = approved.filter((one) => !offered.some((other) => isSameItem(one, other)));
  const owners = new Map<string, StoredDefinition>();
  // Approved ones own their names: a new one cannot take the name of one that people use.
  for (const one of [...approved, ...offered]) {
    const key = nameKey(connection, one);
    if (!owners.has(key)) owners.set(key, one);
  }
  const items = offered.map((one): ReviewItem => {
    const definition = JSON.parse(one.document) as Definition;
    const before = approved.find((other) => isSameItem(one, other));
    const former = before ? undefined : gone.find((other) => contentOf(other) === contentOf(one));
    const open = before ? "changed" : former ? "renamed" : "new";
    const status = one.state === "approved" ? "approved" : one.state === "withdrawn" ? "refused" : open;
    const owner = owners.get(nameKey(connection, one));
    return {
      ...describe(connection, one, definition, taken),
      status,
      ...(former && { formerly: former.name }),
      changes:
        before && status !== "approved" ? listChanges(JSON.parse(before.document), definition as never) : [],
      refusal: findRefusal(connection, one, owner, taken),
    };
  });
  const away = gone.map(
    (one): ReviewItem => ({
      ...describe(connection, one, JSON.parse(one.document) as Definition, taken),
      status: "gone",
      changes: [],
      refusal: null,
    }),
  );
  return [...items, ...away];
}

function describe(
  connection: string,
  { type, name, digest }: StoredDefinition,
  definition: Definition,
  { names, atHome }: TakenNames,
) {
  return {
    ...{ type, name, digest, definition },
    offeredAs: offeredNameOf(connection, { type, name }),
    findings: findInDefinition(definition, new Set([...names, ...atHome])),
  };
}

function findRefusal(
  connection: string,
  one: StoredDefinition,
  owner: StoredDefinition | undefined,
  { names }: TakenNames,
): string | null {
  if (owner && !isSameItem(one, owner))
    return `It would be called ${offeredNameOf(connection, one)}, like "${owner.name}".`;
  if (one.type !== "tool" && one.type !== "prompt") return null;
  if (names.has(one.name)) return `It shadows "${one.name}" of another server.`;
  return names.has(foreignName(connection, one.name)) ? "Another server offers this name." : null;
}

/** Two items of one key cannot both be offered. */
function nameKey(connection: string, one: StoredDefinition): string {
  return `${one.type} ${offeredNameOf(connection, one)}`;
}

/** Tools and prompts have names of their own; resources have their URIs. */
function offeredNameOf(connection: string, { type, name }: Pick<StoredDefinition, "type" | "name">): string {
  return type === "tool" || type === "prompt"
    ? foreignName(connection, name)
    : foreignAddress(connection, name);
}

function isSameItem(one: StoredDefinition, other: StoredDefinition): boolean {
  return one.type === other.type && one.name === other.name;
}

/** Digest of everything but the name. */
function contentOf({ type, document }: StoredDefinition): string {
  const { name: _name, ...content } = JSON.parse(document) as Record<string, JsonValue>;
  return digestText(canonicalize([type, content]));
}

/** Places that differ, at most 50; a list is one place. */
function listChanges(before: JsonValue, after: JsonValue, path = ""): ReviewItem["changes"] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (isMap(before) && isMap(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return names
      .flatMap((name) =>
        listChanges(before[name] ?? null, after[name] ?? null, path === "" ? name : `${path}.${name}`),
      )
      .slice(0, 50);
  }
  return [{ path, before, after }];
}

function isMap(value: JsonValue): value is { [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
