import type { MaskRules, Treatment } from "../../../shared/call/mask-rules.ts";
import type { SqlEntry } from "./handle.ts";
import type { CatalogueTable } from "./operation.ts";

const STRICTNESS: readonly Treatment[] = ["show", "mask", "drop"];

/** What of the columns of a connection a role may see. Columns are named `schema.table.column`. */
export class ColumnSight {
  readonly #named: ReadonlyMap<string, Treatment>;
  readonly #usual: Treatment;
  /** Treatments of the columns of tables that give rows of others. */
  readonly #derived = new Map<string, Treatment>();
  readonly #tables: ReadonlyMap<string, CatalogueTable>;

  constructor(
    { columns, data_class }: Pick<SqlEntry, "columns" | "data_class">,
    { fields }: MaskRules,
    tables: readonly CatalogueTable[],
  ) {
    this.#named = new Map(Object.entries(columns).map(([path, kind]) => [path, fields[kind]]));
    this.#usual = fields[data_class];
    this.#tables = new Map(tables.map((table) => [pathOf(table), table]));
    for (const table of tables) {
      if (table.rowsOf === undefined) continue;
      for (const { name } of table.columns)
        this.#derived.set(`${pathOf(table)}.${name}`, this.#derive(table, name));
    }
  }

  /** How a column is shown. */
  treatmentOf(column: string): Treatment {
    return this.#derived.get(column) ?? this.#named.get(column) ?? this.#usual;
  }

  isHidden(column: string): boolean {
    return this.treatmentOf(column) !== "show";
  }

  /** Whether the role may not see something of the connection. */
  get hidesAny(): boolean {
    return strictest([this.#usual, ...this.#named.values()]) !== "show";
  }

  /**
   * Whether a view reads columns that the role may not see, and the file classifies none of its own: which of them it
   * shows is not known.
   */
  isWithheld(table: CatalogueTable): boolean {
    if (table.rowsOf === undefined || (table.kind !== "view" && table.rowsOf !== null)) return false;
    const path = pathOf(table);
    if (table.columns.some(({ name }) => this.#named.has(`${path}.${name}`))) return false;
    return table.columns.some(({ name }) => this.isHidden(`${path}.${name}`));
  }

  /** How a value is shown that some of these tables give, it is not known from which column; `null`: any table. */
  strictestOf(tables: readonly { schema: string; name: string }[] | null): Treatment {
    if (tables === null) return strictest([this.#usual, ...this.#named.values()]);
    return strictest(
      tables.flatMap((table) => {
        const path = pathOf(table);
        const columns = this.#tables.get(path)?.columns ?? [];
        return [this.#usual, ...columns.map(({ name }) => this.treatmentOf(`${path}.${name}`))];
      }),
    );
  }

  #derive({ rowsOf, kind, ...table }: CatalogueTable, column: string): Treatment {
    const named = this.#named.get(`${pathOf(table)}.${column}`);
    if (kind === "view" || rowsOf === null) {
      // Its columns have names of their own: each may show any column of what it reads.
      if (named !== undefined) return named;
      const isRead = (path: string) =>
        rowsOf === null || rowsOf === undefined || rowsOf.some((read) => path.startsWith(`${read}.`));
      const read = [...this.#named].filter(([path]) => isRead(path)).map(([, treatment]) => treatment);
      return strictest([this.#usual, ...read]);
    }
    // A partition has the columns of its table, and the table shows the rows of its partitions.
    const others = (rowsOf ?? []).flatMap((other) => this.#named.get(`${other}.${column}`) ?? []);
    return strictest([named ?? this.#usual, ...others]);
  }
}

function pathOf({ schema, name }: { schema: string; name: string }): string {
  return `${schema}.${name}`;
}

function strictest(treatments: readonly Treatment[]): Treatment {
  return STRICTNESS[Math.max(0, ...treatments.map((one) => STRICTNESS.indexOf(one)))] as Treatment;
}
