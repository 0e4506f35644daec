import type { Classification } from "../../../shared/call/mask-rules.ts";
import type { ConnectionReport } from "../../../shared/objects/connection-gate.ts";
import { compileGlobs } from "../../../shared/policy/glob.ts";
import { findNearMisses } from "../../../shared/text/near-misses.ts";
import { proposeClass } from "../sql/propose-class.ts";
import type { DocumentSource } from "./source.ts";

/** The part of an entry that names sources and fields. */
interface NamingEntry {
  /** Where the entry names sources, such as `expose.indices`. */
  place: string;
  globs: readonly string[];
  classes: Readonly<Record<string, string>>;
  /** The fields are those of some documents: one that is not among them may still exist. */
  isSample?: boolean;
}

/**
 * Compares an entry with the sources that it exposes: what it names must exist.
 *
 * @param classOfSample - the class that values of `source/path` suggest, where its name says nothing
 */
export function checkAgainstSources(
  { place, globs, classes, isSample = false }: NamingEntry,
  sources: readonly DocumentSource[],
  classOfSample: (field: string) => Classification | null = () => null,
): Pick<ConnectionReport, "exposed" | "mistakes" | "proposals"> {
  const names = sources.map(({ name }) => name);
  const paths = sources.flatMap(({ name, alsoKnownAs, fields }) =>
    [name, ...alsoKnownAs].flatMap((own) => fields.map(({ path }) => `${own}/${path}`)),
  );
  const fit = (glob: string, path: string) =>
    compileGlobs([(glob.includes("/") ? glob : `*/${glob}`).toLowerCase()])(path.toLowerCase()) !== null;
  const mistakes = [
    ...globs
      .filter((glob) => !names.some((name) => compileGlobs([glob])(name)))
      .map((glob) => `${place}: "${glob}" matches nothing that the account may read.`),
    ...Object.keys(classes)
      .filter((glob) => !paths.some((path) => fit(glob, path)))
      .filter((glob) => !isSample || suggest(glob, paths) !== ".")
      .map((glob) => `classes: "${glob}" matches no field${suggest(glob, paths)}`),
  ];
  const open = sources.flatMap(({ name, fields }) =>
    fields
      .filter((field) => !field.isObject && !field.path.startsWith("_"))
      .map(({ path }) => {
        const key = `${name}/${path}`;
        return { key, proposed: proposeClass(path.split(".").at(-1) ?? "") ?? classOfSample(key) };
      }),
  );
  const proposals = Object.fromEntries(
    open
      .filter(
        ({ key, proposed }) => proposed !== null && !Object.keys(classes).some((glob) => fit(glob, key)),
      )
      .map(({ key, proposed }) => [key, proposed as string]),
  );
  return { exposed: names, mistakes, proposals };
}

function suggest(glob: string, paths: readonly string[]): string {
  const known = glob.includes("/") ? paths : paths.map((path) => path.slice(path.indexOf("/") + 1));
  const [nearest] = findNearMisses(glob, known);
  return nearest === undefined ? "." : `. Did you mean "${nearest}"?`;
}
