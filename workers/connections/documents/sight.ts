import type { Classification, MaskRules, Treatment } from "../../../shared/call/mask-rules.ts";
import { compileGlobs } from "../../../shared/policy/glob.ts";
import type { DocumentField, DocumentSource } from "./source.ts";

/** The part of an entry that classifies fields. */
export interface ClassifiedEntry {
  classes: Readonly<Record<string, Classification>>;
  data_class: Classification;
}

const STRICTNESS: readonly Treatment[] = ["show", "mask", "drop"];

/** What of the documents of a connection a role may see. Fields are named by path, sources by all of their names. */
export class FieldSight {
  /** Whether there is anything that the role may not see. */
  readonly hidesAny: boolean;
  readonly #usual: Treatment;
  readonly #rules: readonly Rule[];

  constructor({ classes, data_class }: ClassifiedEntry, { fields }: MaskRules) {
    this.#usual = fields[data_class];
    this.#rules = Object.entries(classes).map(([key, kind]) => {
      const at = key.indexOf("/");
      const path = key.slice(at + 1).toLowerCase();
      return {
        isOf: at === -1 ? () => true : matcherOf(key.slice(0, at).toLowerCase()),
        path,
        fits: matcherOf(path),
        treatment: fields[kind],
      };
    });
    this.hidesAny = [this.#usual, ...this.#rules.map(({ treatment }) => treatment)].some(isHiding);
  }

  /** The strictest treatment of what classifies the field or an object that it is in. */
  treatmentOf(sources: readonly string[], path: string): Treatment {
    const parts = path.split(".");
    const paths = parts.map((_, at) => parts.slice(0, at + 1).join("."));
    const found = this.#rulesOf(sources)
      .filter(({ fits }) => paths.some((part) => fits(part.toLowerCase())))
      .map(({ treatment }) => STRICTNESS.indexOf(treatment));
    return found.length === 0 ? this.#usual : (STRICTNESS[Math.max(...found)] as Treatment);
  }

  isHidden(sources: readonly string[], path: string): boolean {
    return isHiding(this.treatmentOf(sources, path));
  }

  /** Whether something below the field may be hidden, whatever fields there are. */
  mayHideBelow(sources: readonly string[], path: string): boolean {
    if (isHiding(this.#usual)) return true;
    return this.#rulesOf(sources).some(
      (rule) => isHiding(rule.treatment) && canBegin(rule.path, `${path}.`.toLowerCase()),
    );
  }

  #rulesOf(sources: readonly string[]): Rule[] {
    return this.#rules.filter(({ isOf }) => sources.some((source) => isOf(source.toLowerCase())));
  }
}

/** What an entry says of the fields of some sources. */
interface Rule {
  isOf(source: string): boolean;
  /** Glob on paths, in lower case. */
  path: string;
  fits(path: string): boolean;
  treatment: Treatment;
}

function matcherOf(glob: string): (name: string) => boolean {
  const match = compileGlobs([glob]);
  return (name) => match(name) !== null;
}

/** All names of some sources, by which their fields are classified. */
export function namesOf(sources: readonly DocumentSource[]): string[] {
  return [...new Set(sources.flatMap(({ name, alsoKnownAs }) => [name, ...alsoKnownAs]))];
}

/** Whether a field of a catalogue, or one whose values it also holds, is hidden. */
export function isFieldHidden(
  sight: FieldSight,
  sources: readonly string[],
  field: DocumentField,
  fields: ReadonlyMap<string, DocumentField>,
  depth = 0,
): boolean {
  if (sight.isHidden(sources, field.path)) return true;
  if (field.isOpaque && sight.hidesAny) return true;
  // Aliases of copies of copies: more levels than any mapping has cannot be resolved.
  if (depth > 5) return true;
  return field.from.some((path) => {
    const other = fields.get(path);
    return other === undefined
      ? sight.isHidden(sources, path)
      : isFieldHidden(sight, sources, other, fields, depth + 1);
  });
}

function isHiding(treatment: Treatment): boolean {
  return treatment !== "show";
}

/** Whether a text that begins like this can match the glob. */
function canBegin(glob: string, beginning: string): boolean {
  const star = glob.indexOf("*");
  const literal = star === -1 ? glob : glob.slice(0, star);
  if (literal.length >= beginning.length) return literal.startsWith(beginning);
  // An asterisk takes the rest of the beginning, and what follows it in the glob can come after.
  return star !== -1 && beginning.startsWith(literal);
}
