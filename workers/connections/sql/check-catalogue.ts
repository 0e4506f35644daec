import type { ConnectionReport } from "../../../shared/objects/connection-gate.ts";
import { compileGlobs } from "../../../shared/policy/glob.ts";
import { findNearMisses } from "../../../shared/text/near-misses.ts";
import { type Catalogue, MOST_COLUMNS, MOST_TABLES } from "./exposed-catalogue.ts";
import { proposeClass } from "./propose-class.ts";

/** The part of an entry that names objects of the database. */
interface NamingEntry {
  expose: { tables: readonly string[]; except: readonly string[] };
  columns: Readonly<Record<string, string>>;
}

/** Said of a database with more than is read: statements about what is left out are refused. */
const CUT =
  `expose.tables: It names more than is read, which is ${MOST_TABLES} tables and ${MOST_COLUMNS} columns. ` +
  "The last tables in alphabetical order are left out. Name fewer tables.";

/** Compares an entry with the tables that it exposes: what it names must exist. */
export function checkAgainstCatalogue(
  { expose, columns }: NamingEntry,
  { tables, cut }: Catalogue,
): Pick<ConnectionReport, "exposed" | "mistakes" | "proposals"> {
  const names = tables.map(({ schema, name }) => `${schema}.${name}`);
  const paths = tables.flatMap((table) =>
    table.columns.map(({ name }) => `${table.schema}.${table.name}.${name}`),
  );
  const mistakes = [
    ...(cut ? [CUT] : []),
    ...expose.tables
      .filter((glob) => !names.some((name) => compileGlobs([glob])(name)))
      .map((glob) => `expose.tables: "${glob}" matches no table that the account may read.`),
    ...Object.keys(columns)
      .filter((column) => !paths.includes(column))
      .map((column) => `columns: "${column}" does not exist${suggest(column, paths)}`),
  ];
  const proposals = Object.fromEntries(
    paths
      .filter((column) => columns[column] === undefined)
      .flatMap((column) => {
        const proposed = proposeClass(column.split(".").at(-1) ?? "");
        return proposed === null ? [] : [[column, proposed]];
      }),
  );
  return { exposed: names, mistakes, proposals };
}

function suggest(name: string, known: readonly string[]): string {
  const [nearest] = findNearMisses(name, known);
  return nearest === undefined ? "." : `. Did you mean "${nearest}"?`;
}
