import type { OpensearchEntry } from "../../../shared/connections/kinds/opensearch.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { DocumentField, DocumentSource } from "../documents/source.ts";
import { mergeField } from "../judge/opensearch/fields.ts";
import { matchExposed } from "../sql/expose.ts";

/** Asks for JSON by GET; `null` where the server has no such request. */
export type AskServer = (path: string) => Promise<JsonValue | null>;

/** Levels of a mapping. */
const MOST_LEVELS = 20;

/** Fields of one index. */
const MOST_FIELDS = 5_000;

/** Types whose fields are not in the mapping, or that hold what a script gives. */
const OPAQUE = /^(?:flat_object|flattened|derived|runtime|percolator|join|alias|semantic_text|semantic)$/;

interface Mapping {
  type?: string;
  path?: string;
  properties?: Record<string, Mapping>;
  fields?: Record<string, Mapping>;
  runtime?: Record<string, Mapping>;
  derived?: Record<string, Mapping>;
  copy_to?: string | string[];
}

type DataStreams = { data_streams?: { name: string; indices?: { index_name: string }[] }[] } | null;

/** An alias or a data stream. */
interface Group {
  kind: "alias" | "data stream";
  members: string[];
}

/** What the entry exposes, and what it would expose but for `expose.except`. */
export interface SearchCatalogue {
  sources: DocumentSource[];
  /** Groups that are not offered, each with the excepted name that it holds. */
  withheld: { name: string; kind: string; member: string }[];
}

/**
 * The indices, aliases and data streams that the entry exposes and the account may read, with their fields. A group
 * that holds anything excepted is not among them: a search of it would read what the entry withholds.
 */
export async function readSearchCatalogue(
  ask: AskServer,
  { expose }: OpensearchEntry,
): Promise<SearchCatalogue> {
  const named = expose.indices.map(encodeURIComponent).join(",");
  const options = "ignore_unavailable=true&allow_no_indices=true&expand_wildcards=open";
  const [mappings, aliases, streams] = (await Promise.all([
    ask(`/${named}/_mapping?${options}`),
    ask(`/${named}/_alias?${options}`),
    ask(`/_data_stream/${named}`),
  ])) as [
    Record<string, { mappings?: Mapping }> | null,
    Record<string, { aliases?: Record<string, JsonValue> }> | null,
    DataStreams,
  ];
  const fields = new Map(
    Object.entries(mappings ?? {}).map(([index, { mappings: mapping }]) => [index, fieldsOf(mapping ?? {})]),
  );
  const groups = new Map<string, Group>();
  const addStreams = (answer: DataStreams) => {
    for (const { name, indices } of answer?.data_streams ?? [])
      groups.set(name, {
        kind: "data stream",
        members: (indices ?? []).map(({ index_name }) => index_name),
      });
  };
  addStreams(streams);
  for (const [member, { aliases: own }] of Object.entries(aliases ?? {})) {
    for (const alias of Object.keys(own ?? {})) {
      const group = groups.get(alias) ?? { kind: "alias", members: [] };
      group.members.push(member);
      groups.set(alias, group);
    }
  }
  // An alias may have data streams for members that the entry does not name.
  const members = new Set([...groups.values()].flatMap((group) => group.members));
  const unknown = [...members].filter((member) => !fields.has(member) && !groups.has(member));
  if (unknown.length > 0)
    addStreams((await ask(`/_data_stream/${unknown.map(encodeURIComponent).join(",")}`)) as DataStreams);

  const isExposed = matchExposed({ tables: expose.indices, except: expose.except });
  const isExcepted = matchExposed({ tables: expose.except, except: [] });
  const withheld: SearchCatalogue["withheld"] = [];
  const sources: DocumentSource[] = [];
  for (const [name, { kind }] of groups) {
    if (!isExposed(name)) continue;
    const all = membersOf(name, groups);
    const member = all.find(isExcepted);
    const own = mergeAll(all.map((index) => fields.get(index) ?? []));
    if (member !== undefined) withheld.push({ name, kind, member });
    else sources.push({ name, kind, alsoKnownAs: all, documents: null, fields: own });
  }
  for (const [name, own] of fields) {
    const others = [...groups.keys()].filter((group) => membersOf(group, groups).includes(name));
    if (isExposed(name))
      sources.push({ name, kind: "index", alsoKnownAs: others, documents: null, fields: own });
  }
  return { sources: sources.sort(byName), withheld: withheld.sort(byName) };
}

/** Everything that a group holds: an alias has indices and data streams, and these have indices. */
function membersOf(name: string, groups: ReadonlyMap<string, Group>): string[] {
  const found = new Set([name]);
  for (const member of found) for (const inner of groups.get(member)?.members ?? []) found.add(inner);
  found.delete(name);
  return [...found];
}

function byName(one: { name: string }, other: { name: string }): number {
  return one.name < other.name ? -1 : 1;
}

/** The fields of a mapping (OpenSearch, «Mappings and field types»). */
export function fieldsOf(mapping: Mapping): DocumentField[] {
  const found = new Map<string, DocumentField>();
  const copies: [string, string][] = [];
  const add = (path: string, type: string, from: readonly string[], isObject = false) => {
    if (found.size >= MOST_FIELDS) return;
    const field = { path, type, isObject, from, isOpaque: OPAQUE.test(type) && from.length === 0 };
    const known = found.get(path);
    found.set(path, known === undefined ? field : mergeField(known, field));
  };
  const visit = (properties: Record<string, Mapping>, before: string, level: number) => {
    if (level > MOST_LEVELS) return;
    for (const [name, own] of Object.entries(properties)) {
      const path = `${before}${name}`;
      const type = own.type ?? "object";
      const isObject = type === "object" || type === "nested";
      add(path, type, type === "alias" && own.path !== undefined ? [own.path] : [], isObject);
      for (const target of [own.copy_to ?? []].flat()) copies.push([target, path]);
      for (const [part, inner] of Object.entries(own.fields ?? {}))
        add(`${path}.${part}`, inner.type ?? "other", [path]);
      visit(own.properties ?? {}, `${path}.`, level + 1);
    }
  };
  add("_id", "id", []);
  visit(mapping.properties ?? {}, "", 1);
  for (const path of Object.keys(mapping.runtime ?? {})) add(path, "runtime", []);
  for (const path of Object.keys(mapping.derived ?? {})) add(path, "derived", []);
  for (const [target, source] of copies) {
    const known = found.get(target);
    // What is not in the mapping yet cannot be asked for.
    if (known !== undefined) found.set(target, { ...known, from: [...known.from, source] });
  }
  return [...found.values()];
}

function mergeAll(lists: readonly (readonly DocumentField[])[]): DocumentField[] {
  const merged = new Map<string, DocumentField>();
  for (const field of lists.flat()) {
    const known = merged.get(field.path);
    merged.set(field.path, known === undefined ? field : mergeField(known, field));
  }
  return [...merged.values()];
}
