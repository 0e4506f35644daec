import { compileGlobs } from "../../../shared/policy/glob.ts";

/** The part of an entry that says which tables may be queried. */
export interface Exposure {
  tables: readonly string[];
  except: readonly string[];
}

/** Whether a table may be queried, by `schema.table`. */
export function matchExposed({ tables, except }: Exposure): (table: string) => boolean {
  const offered = compileGlobs(tables);
  const withheld = compileGlobs(except);
  return (table) => offered(table) !== null && withheld(table) === null;
}
