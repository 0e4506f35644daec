import { type FieldSight, isFieldHidden, namesOf } from "../../documents/sight.ts";
import type { DocumentField, DocumentSource } from "../../documents/source.ts";
import type { Read } from "../json/read.ts";
import { forbid, listNames, quote, reject, suggestNames } from "../refuse.ts";

/** Most clauses of one search, aggregations included. */
const MOST_CLAUSES = 200;

/** What a search may name: the fields of its sources, as the role of the caller sees them. */
export class SearchScope {
  readonly #names: readonly string[];
  readonly #fields: ReadonlyMap<string, DocumentField>;
  readonly #sight: FieldSight;
  readonly #title: string;
  #clauses = 0;

  constructor(sources: readonly DocumentSource[], sight: FieldSight) {
    this.#names = namesOf(sources);
    this.#title = listNames(sources.map(({ name }) => name));
    this.#sight = sight;
    this.#fields = mergeFields(sources);
  }

  /** Counts a clause: a request has a bound, whatever it nests. */
  count(): void {
    this.#clauses += 1;
    if (this.#clauses > MOST_CLAUSES)
      throw reject(`The search has more than ${MOST_CLAUSES} clauses and aggregations.`);
  }

  /** A field that has values, by its whole path. */
  readonly field: Read = (value, at) => {
    const { isObject, path } = this.#find(value, at);
    if (isObject) throw reject(`${at}: ${quote(path)} is an object; name a field inside of it.`);
    return path;
  };

  /** An object of documents of their own (`nested`). */
  readonly nestedPath: Read = (value, at) => {
    const { path, type } = this.#find(value, at);
    if (type !== "nested") throw reject(`${at}: ${quote(path)} is not of the type nested.`);
    return path;
  };

  isHidden(path: string): boolean {
    const field = this.#fields.get(path);
    return field === undefined
      ? this.#sight.isHidden(this.#names, path)
      : isFieldHidden(this.#sight, this.#names, field, this.#fields);
  }

  /** Paths of the fields that the role does not even get masked. */
  droppedPaths(): string[] {
    return [...this.#fields.keys()].filter((path) => this.#sight.treatmentOf(this.#names, path) === "drop");
  }

  #find(value: unknown, at: string): DocumentField {
    if (typeof value !== "string") throw reject(`${at} must be the name of a field.`);
    const field = this.#fields.get(value);
    if (field === undefined) {
      const shown = [...this.#fields.keys()].filter((path) => !this.isHidden(path));
      throw reject(
        `There is no field ${quote(value)} in ${this.#title}.${suggestNames(value, shown)}`,
        "Name one field by its whole path, without wildcards.",
      );
    }
    if (this.isHidden(value)) throw forbid(`Your role may not use the field ${quote(value)}.`);
    return field;
  }
}

/** The fields of some sources together. What one of them hides or copies counts for all. */
function mergeFields(sources: readonly DocumentSource[]): Map<string, DocumentField> {
  const merged = new Map<string, DocumentField>();
  for (const field of sources.flatMap(({ fields }) => fields)) {
    const known = merged.get(field.path);
    merged.set(field.path, known === undefined ? field : mergeField(known, field));
  }
  return merged;
}

/** One field of two mappings. */
export function mergeField(one: DocumentField, other: DocumentField): DocumentField {
  return {
    path: one.path,
    type: one.type.split(" or ").includes(other.type) ? one.type : `${one.type} or ${other.type}`,
    isObject: one.isObject || other.isObject,
    from: [...new Set([...one.from, ...other.from])],
    isOpaque: one.isOpaque || other.isOpaque,
  };
}
