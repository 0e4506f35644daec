import type { JsonValue } from "../../../../shared/encoding/json.ts";
import type { FieldSight } from "../../documents/sight.ts";
import { namesOf } from "../../documents/sight.ts";
import type { DocumentSource } from "../../documents/source.ts";
import { forbid, quote, reject, suggestNames } from "../refuse.ts";

/** Most stages, clauses and expressions of one request. */
const MOST_PARTS = 500;

/** Most characters of a path. */
const LONGEST = 300;

/** Documents of a source as they lie in those that a stage gets: at the root, or below a path (`$lookup`). */
export interface Mount {
  prefix: string;
  source: DocumentSource;
}

/** What lasts for a whole request. */
export interface Request {
  /** Collections that may be named. */
  catalogue: readonly DocumentSource[];
  sight: FieldSight;
  parts: number;
  /** Paths that the sample of a collection does not have. */
  unknown: Set<string>;
}

/**
 * What the documents hold that one stage gets, and what of it the caller's role may use. Documents that a stage has
 * made of usable values alone have no mount at their root.
 */
export class DocumentScope {
  readonly request: Request;
  readonly mounts: readonly Mount[];

  constructor(request: Request, mounts: readonly Mount[]) {
    this.request = request;
    this.mounts = mounts;
  }

  with(mounts: readonly Mount[]): DocumentScope {
    return new DocumentScope(this.request, mounts);
  }

  /** Whether something is hidden from the role. */
  get hidesAny(): boolean {
    return this.request.sight.hidesAny;
  }

  /** Counts a part: a request has a bound, whatever it nests. */
  count(): void {
    this.request.parts += 1;
    if (this.request.parts > MOST_PARTS)
      throw reject(`The request has more than ${MOST_PARTS} clauses, stages and expressions.`);
  }

  /** A path that may be used. Refuses one that is hidden, or inside of what is. */
  path(text: string, at: string): string {
    checkPath(text, at);
    if (this.isHidden(text)) throw forbid(`Your role may not use the field ${quote(text)}.`);
    this.#noteUnknown(text);
    return text;
  }

  /** Whether a path is hidden. Numbers in it are positions of a list, or names. */
  isHidden(text: string): boolean {
    return [text, withoutPositions(text)].some((path) => this.treatmentOf(path) !== "show");
  }

  treatmentOf(path: string): ReturnType<FieldSight["treatmentOf"]> {
    const { sight } = this.request;
    const found = this.#parts(path).map(({ source, rest }) => sight.treatmentOf(namesOf([source]), rest));
    return found.find((one) => one === "drop") ?? found.find((one) => one === "mask") ?? "show";
  }

  /** Whether a value at this path may hold something hidden inside of it. */
  mayHideBelow(text: string): boolean {
    if (!this.hidesAny) return false;
    const { sight } = this.request;
    return [text, withoutPositions(text)].some(
      (path) =>
        this.mounts.some(({ prefix }) => prefix === path || prefix.startsWith(`${path}.`)) ||
        this.#parts(path).some(({ source, rest }) => sight.mayHideBelow(namesOf([source]), rest)),
    );
  }

  /** The mounts that a path leads into, with its rest there. */
  #parts(path: string): { source: DocumentSource; rest: string }[] {
    return this.mounts.flatMap(({ prefix, source }) => {
      if (prefix === "") return [{ source, rest: path }];
      return path.startsWith(`${prefix}.`) ? [{ source, rest: path.slice(prefix.length + 1) }] : [];
    });
  }

  #noteUnknown(text: string): void {
    const path = withoutPositions(text);
    for (const { source, rest } of this.#parts(path)) {
      const known = source.fields.map((field) => field.path);
      if (known.length === 0 || known.includes(rest) || this.mounts.length > 1) continue;
      const shown = known.filter((one) => !this.isHidden(one));
      this.request.unknown.add(`${quote(rest)} is in no document of the sample.${suggestNames(rest, shown)}`);
    }
  }
}

/** A collection of the catalogue, by its exact name. */
export function findCollection(name: JsonValue, { catalogue }: Request): DocumentSource {
  const found = catalogue.find((source) => source.name === name);
  if (found !== undefined) return found;
  const known = catalogue.map((source) => source.name);
  const text = typeof name === "string" ? name : "";
  throw reject(
    `There is no collection ${quote(text)}.${suggestNames(text, known)}`,
    "Look the names up with search_objects.",
  );
}

/** The path without positions of lists. */
export function withoutPositions(path: string): string {
  return path
    .split(".")
    .filter((part) => !/^\d+$/.test(part))
    .join(".");
}

function checkPath(text: string, at: string): void {
  const isPath =
    text.length <= LONGEST && text.split(".").every((part) => part !== "" && !part.startsWith("$"));
  // The server ends a name at a NUL character.
  if (!isPath || text.includes("\0") || !text.isWellFormed() || text.split(".").includes("__proto__"))
    throw reject(`${at}: ${quote(text)} is not the path of a field.`);
}
