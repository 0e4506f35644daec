import type { Join, Query, Reference, Select, Source } from "./query.ts";
import { forbid, listNames, quote, reject, suggestNames } from "./refuse.ts";
import {
  addRelations,
  type Column,
  type Dialect,
  findColumn,
  findOwners,
  type Relation,
  type Scope,
} from "./scope.ts";
import type { ExposedTable, JudgedStatement, StatementRules } from "./statement.ts";

/** Most resolved queries of a statement. */
const MOST_QUERIES = 1000;

/** A name of WITH with its columns, and the names visible where it was declared. */
interface Declared {
  name: string;
  columns: readonly string[];
  outer: Declared | null;
}

/** What is visible where a query stands. */
interface Place {
  scope: Scope | null;
  declared: Declared | null;
}

/**
 * Resolves every table and column of a query by the rules, and gives the tables that it reads and the columns of its
 * answer. What resolves to nothing that is exposed, or to a hidden column, is refused.
 */
export function resolveQuery(
  query: Query,
  rules: StatementRules,
  dialect: Dialect,
): Omit<JudgedStatement, "parameters"> {
  const resolver = new Resolver(rules, dialect);
  const columns = resolver.resolve(query, { scope: null, declared: null });
  if (dialect.hasCompoundColumns) resolver.refuseAmbiguous();
  const tables = [...resolver.tables].map(({ schema, name }) => ({ schema, name }));
  return { tables, columns, hasStar: hasStar(query) };
}

function hasStar({ body }: Query): boolean {
  if (body.kind === "select") return body.outputs.some(({ kind }) => kind === "star");
  return body.kind === "set" && hasStar(body.terms[0]);
}

class Resolver {
  readonly tables = new Set<ExposedTable>();
  readonly #rules: StatementRules;
  readonly #dialect: Dialect;
  /** Names that may stand before a column: those that the statement gives, and those of its tables. */
  readonly #given = new Set<string>();
  #resolved = 0;

  constructor(rules: StatementRules, dialect: Dialect) {
    this.#rules = rules;
    this.#dialect = dialect;
  }

  /**
   * Refuses a name before which a dot could mean something else than a table: `contact.email` would be the column
   * `email` of the alias `contact`, or a table's own column `contact.email`, or a part of its column `contact`.
   */
  refuseAmbiguous(): void {
    const fold = (name: string) => this.#dialect.foldColumn(name).split(".")[0] ?? "";
    const columns = [...this.tables].flatMap((table) => table.columns);
    const [taken, hidden] = [columns, columns.filter((column) => column.hidden)].map(
      (some) => new Set(some.flatMap(({ name }) => [this.#dialect.foldColumn(name), fold(name)])),
    );
    const given = [...this.#given].find((name) => taken?.has(this.#dialect.foldColumn(name)));
    if (given !== undefined)
      throw reject(`${quote(given)} is the name of a column, or of a part of one. Choose another alias.`);
    const own = [...this.tables]
      .flatMap(({ schema, name }) => [schema, name])
      .find((name) => hidden?.has(this.#dialect.foldColumn(name)));
    if (own !== undefined)
      throw forbid(`${quote(own)} is the name of a table and of a column that is hidden from your role.`);
  }

  /** Names of the query's columns; `null` for one without a name. */
  resolve(query: Query, { scope, declared }: Place): (string | null)[] {
    // Terms of nested recursive tables are resolved twice a level.
    this.#resolved += 1;
    if (this.#resolved > MOST_QUERIES) throw reject("The statement has too many subqueries.");
    const inner = { scope, declared: this.#declare(query, { scope, declared }) };
    const { body } = query;
    if (body.kind === "select") return this.#resolveSelect(body, query.tail, inner);
    if (body.kind === "values") {
      this.#resolveReferences(body.references, inner);
      const columns = Array.from({ length: body.width }, (_, index) => this.#dialect.nameValue(index));
      this.#resolveReferences(query.tail, this.#withOutputs(columns, inner));
      return columns;
    }
    const [first, ...others] = body.terms;
    const columns = this.resolve(first, inner);
    for (const term of others) this.resolve(term, inner);
    this.#resolveReferences(query.tail, this.#withOutputs(columns, inner));
    return columns;
  }

  #declare({ commonTables, isRecursive }: Query, place: Place): Declared | null {
    let { declared } = place;
    for (const [index, { name, columns, query }] of commonTables.entries()) {
      this.#given.add(name);
      const isTaken =
        this.#rules.tables.some((table) => table.name.toLowerCase() === name.toLowerCase()) ||
        /^(pg_|information_schema$)/i.test(name) ||
        isDeclared(name, declared) ||
        commonTables.some((other, at) => at > index && other.name.toLowerCase() === name.toLowerCase());
      // A reader of another version could take one for the other.
      if (isTaken)
        throw reject(`WITH declares ${quote(name)}, which is the name of another table. Rename it.`);
      const outer: Declared | null = declared;
      // A recursive term sees the columns of the first term.
      const seen =
        isRecursive && query.body.kind === "set"
          ? {
              name,
              columns: this.#rename(
                name,
                this.resolve(this.#firstTerm(query), { ...place, declared }),
                columns,
              ),
              outer,
            }
          : declared;
      const found = this.resolve(query, { ...place, declared: seen });
      declared = { name, columns: this.#rename(name, found, columns), outer };
    }
    return declared;
  }

  #firstTerm(query: Query): Query {
    const { body } = query;
    if (body.kind !== "set") return query;
    const [first] = body.terms;
    return { ...first, commonTables: [...query.commonTables, ...first.commonTables] };
  }

  #resolveSelect(select: Select, tail: readonly Reference[], place: Place): (string | null)[] {
    const scope: Scope = { relations: [], outputs: new Set(), parent: place.scope };
    const inner = { ...place, scope };
    for (const source of select.sources) this.#addSource(source, scope, place);
    this.#resolveReferences(select.conditions, inner);
    const columns = select.outputs.flatMap((output): (string | null)[] => {
      if (output.kind === "star") return this.#expandStar(output.qualifier, scope);
      this.#resolveReferences(output.references, inner);
      return [output.name];
    });
    const named = this.#withOutputs(columns, inner);
    this.#resolveReferences(select.groups, this.#dialect.ordersByOutputAlone ? inner : named);
    this.#resolveReferences(tail, named);
    return columns;
  }

  #withOutputs(columns: readonly (string | null)[], { scope, declared }: Place): Place {
    const outputs = new Set(
      columns.flatMap((name) => (name === null ? [] : [this.#dialect.foldColumn(name)])),
    );
    return {
      declared,
      scope: { relations: scope?.relations ?? [], outputs, parent: scope?.parent ?? null },
    };
  }

  /** Adds what a member of FROM brings to the scope, and gives it. */
  #addSource(source: Source, scope: Scope, outside: Place): Relation[] {
    if (source.kind === "join") return this.#addJoin(source, scope, outside);
    if (source.alias !== null) this.#given.add(source.alias);
    const added = [this.#readSource(source, scope, outside)];
    addRelations(scope, added, this.#dialect);
    return added;
  }

  #readSource(source: Exclude<Source, Join>, scope: Scope, outside: Place): Relation {
    if (source.kind === "table") return this.#readTable(source, outside.declared);
    if (source.kind === "function") {
      this.#resolveReferences(source.references, { ...outside, scope });
      return { alias: source.alias, schema: null, columns: source.columns.map(visible), table: null };
    }
    const found = this.resolve(source.query, source.isLateral ? { ...outside, scope } : outside);
    const columns = this.#rename(source.alias ?? "a subquery", found, source.columns);
    return { alias: source.alias, schema: null, columns: columns.map(visible), table: null };
  }

  #readTable(source: Source & { kind: "table" }, declared: Declared | null): Relation {
    const { schema, name, alias, columns } = source;
    for (let at = declared; at !== null && schema === null; at = at.outer) {
      if (at.name !== name) continue;
      const named = this.#rename(name, at.columns, columns);
      return { alias: alias ?? name, schema: null, columns: named.map(visible), table: null };
    }
    const table = this.#findTable(schema, name);
    // With unknown columns it could hide some, and a name of an outer query could be one of them.
    if (table.columns.length === 0)
      throw reject(`The columns of ${quote(name)} are not known, so no statement may use it.`);
    if (table.isWithheld) throw forbidView(name);
    this.tables.add(table);
    if (columns.length > 0 && table.columns.some(({ hidden }) => hidden))
      throw forbid(
        `A list of column names for ${quote(name)} is not allowed, because it has columns that are hidden from your role.`,
      );
    const renamed = table.columns.map((column, index) => ({
      ...column,
      name: columns[index] ?? column.name,
    }));
    return { alias: alias ?? name, schema: alias === null ? table.schema : null, columns: renamed, table };
  }

  #findTable(schema: string | null, name: string): ExposedTable {
    const { tables, searchPath } = this.#rules;
    const schemas = schema === null ? searchPath : [schema];
    // PostgreSQL searches its catalogue before the schemas of the path.
    const isCatalogue = schema === null && name.startsWith("pg_");
    for (const wanted of isCatalogue ? [] : schemas) {
      const found = tables.find((table) => table.schema === wanted && table.name === name);
      if (found) return found;
    }
    const written = schema === null ? name : `${schema}.${name}`;
    const known = tables.flatMap((table) =>
      schema === null && searchPath.includes(table.schema)
        ? [table.name]
        : [`${table.schema}.${table.name}`, ...(schema === null ? [table.name] : [])],
    );
    throw reject(
      `There is no table ${quote(written)} in this connection.${suggestNames(written, known)} Tables: ${listNames(
        tables.map((table) => `${table.schema}.${table.name}`),
      )}.`,
    );
  }

  #addJoin({ left, right, isNatural, using, on }: Join, scope: Scope, outside: Place): Relation[] {
    const sides = [this.#addSource(left, scope, outside), this.#addSource(right, scope, outside)] as const;
    const both = sides.flat();
    if (isNatural) {
      const owner = both.find(hasHidden);
      if (owner) throw forbidWhole("NATURAL JOIN", owner);
    }
    for (const name of using)
      for (const side of sides)
        this.#findColumn([name], { relations: side, outputs: new Set(), parent: null });
    this.#resolveReferences(on, { ...outside, scope });
    return both;
  }

  #expandStar(qualifier: readonly string[], scope: Scope): string[] {
    const owners = qualifier.length === 0 ? scope.relations : [this.#findOwner(qualifier, scope)];
    if (owners.length === 0) throw reject("`*` needs a table in FROM.");
    const owner = owners.find(hasHidden);
    if (owner) throw forbidWhole(qualifier.length === 0 ? "`*`" : `\`${qualifier.join(".")}.*\``, owner);
    return owners.flatMap(({ columns }) => columns.map(({ name }) => name));
  }

  #resolveReferences(references: readonly Reference[], place: Place): void {
    for (const reference of references) {
      if (reference.kind === "query") this.resolve(reference.query, place);
      else if (reference.kind === "column")
        this.#findColumn(reference.path, place.scope, reference.isWholeMember);
      else {
        const owner = this.#findOwner(reference.path, place.scope);
        if (hasHidden(owner)) throw forbidWhole(`\`${reference.path.join(".")}.*\``, owner);
      }
    }
  }

  #findOwner(path: readonly string[], scope: Scope | null): Relation {
    const owners = findOwners(path, scope, this.#dialect);
    const owner = owners.find(hasHidden) ?? owners[0];
    if (owner) return owner;
    throw reject(`No table of FROM is called ${quote(path.join("."))}.`);
  }

  /** Refuses a column that does not exist or is hidden. */
  #findColumn(path: readonly string[], scope: Scope | null, isWholeMember = false): void {
    const found = findColumn(path, scope, this.#dialect, isWholeMember);
    if (found === "output") return;
    if (found === null) throw this.#missingColumn(path, scope);
    const { relation, column } = found;
    if (column === null) {
      if (hasHidden(relation)) throw forbidWhole(`${quote(path.join("."))} as a whole row`, relation);
      return;
    }
    if (!column.hidden) return;
    throw forbid(
      `The column ${quote(path.join("."))} is hidden from your role and may not be used anywhere in a statement. ${allowedColumns(relation)}`,
    );
  }

  #missingColumn(path: readonly string[], scope: Scope | null): Error {
    const written = path.join(".");
    const relations: Relation[] = [];
    for (let at = scope; at !== null; at = at.parent) relations.push(...at.relations);
    const known = relations.flatMap(({ alias, columns }) =>
      columns
        .filter(({ hidden }) => !hidden)
        .flatMap(({ name }) => (path.length > 1 ? [`${alias}.${name}`] : [name])),
    );
    const near = suggestNames(written, known) || ` Columns: ${listNames([...new Set(known)])}.`;
    return reject(`There is no column ${quote(written)} here.${near}`);
  }

  /** The names of a query's columns under an alias with a list of columns. */
  #rename(owner: string, found: readonly (string | null)[], names: readonly string[]): string[] {
    if (names.length > found.length)
      throw reject(`${quote(owner)} has ${found.length} columns, but ${names.length} names are given.`);
    // A column without a name has one that no statement can write.
    return found.map((name, index) => names[index] ?? name ?? "");
  }
}

function isDeclared(name: string, declared: Declared | null): boolean {
  for (let at = declared; at !== null; at = at.outer)
    if (at.name.toLowerCase() === name.toLowerCase()) return true;
  return false;
}

function forbidView(name: string): Error {
  return forbid(
    `The view ${quote(name)} reads tables with columns that are hidden from your role, or it is not known what it reads. The connection's file can classify the view's own columns.`,
  );
}

function visible(name: string): Column {
  return { name, hidden: false };
}

function hasHidden({ columns }: Relation): boolean {
  return columns.some(({ hidden }) => hidden);
}

function forbidWhole(what: string, relation: Relation): Error {
  return forbid(`${what} includes columns that are hidden from your role. ${allowedColumns(relation)}`);
}

function allowedColumns({ table, columns, alias }: Relation): string {
  const names = (table?.columns ?? columns).filter(({ hidden }) => !hidden).map(({ name }) => name);
  return `Columns of ${table?.name ?? alias} that may be used: ${listNames(names)}.`;
}
