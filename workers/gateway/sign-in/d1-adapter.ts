import { type CustomAdapter, createAdapterFactory } from "better-auth/adapters";

/**
 * better-auth on D1 without a query builder (which would add about 45 KiB gzip to the Worker). Identifiers
 * come from better-auth's own schema and are quoted; every value is bound. D1 has no interactive
 * transactions: better-auth runs its steps one after another.
 */
export function createD1Adapter(database: D1Database) {
  return createAdapterFactory({
    config: {
      adapterId: "d1",
      adapterName: "Cloudflare D1",
      supportsBooleans: false,
      supportsDates: false,
      supportsJSON: false,
      supportsNumericIds: false,
      transaction: false,
    },
    adapter: () => buildAdapter(database),
  });
}

type Conditions = Parameters<CustomAdapter["deleteMany"]>[0]["where"];
type Value = string | number | null;
type Row = Record<string, Value>;

function buildAdapter(database: D1Database): CustomAdapter {
  const execute = (sql: string, values: readonly Value[]) =>
    database
      .prepare(sql)
      .bind(...values)
      .all<Row>();
  // The factory's types promise the caller's row type; the rows match better-auth's own schema.
  const first = async <T>(sql: string, values: readonly Value[]) =>
    ((await execute(sql, values)).results[0] ?? null) as T | null;
  const change = async (sql: string, values: readonly Value[]) => (await execute(sql, values)).meta.changes;

  return {
    async create({ model, data }) {
      const columns = Object.keys(data);
      const sql = `INSERT INTO ${quote(model)} (${columns.map(quote).join(", ")}) VALUES (${columns.map(() => "?").join(", ")}) RETURNING *`;
      const row = await first<typeof data>(
        sql,
        columns.map((column) => toValue(data[column])),
      );
      if (row === null) throw new Error(`Inserting into ${model} returned no row.`);
      return row;
    },
    async findOne<T>({ model, where }: Parameters<CustomAdapter["findOne"]>[0]) {
      const filter = toFilter(where);
      const row = await first<T>(`SELECT * FROM ${quote(model)}${filter.sql} LIMIT 1`, filter.values);
      // The library reads the accounts of a person whom it finds by address. An address that no person has causes as many
      // reads, so that the duration of a sign-in does not tell them apart.
      if (row === null && model === "user" && where.some(({ field }) => field === "email")) {
        await execute(`SELECT * FROM "account" WHERE "userId" = ? LIMIT ? OFFSET ?`, ["", 100, 0]);
      }
      return row;
    },
    async findMany<T>({ model, where, limit, sortBy, offset }: Parameters<CustomAdapter["findMany"]>[0]) {
      const filter = toFilter(where ?? []);
      const order =
        sortBy === undefined
          ? ""
          : ` ORDER BY ${quote(sortBy.field)} ${sortBy.direction === "desc" ? "DESC" : "ASC"}`;
      const sql = `SELECT * FROM ${quote(model)}${filter.sql}${order} LIMIT ? OFFSET ?`;
      return (await execute(sql, [...filter.values, limit, offset ?? 0])).results as T[];
    },
    async count({ model, where }) {
      const filter = toFilter(where ?? []);
      const row = await first<{ total: number }>(
        `SELECT count(*) AS total FROM ${quote(model)}${filter.sql}`,
        filter.values,
      );
      return row?.total ?? 0;
    },
    async update({ model, where, update }) {
      const { sql, values } = toUpdate(model, update as Record<string, unknown>, where);
      return await first(`${sql} RETURNING *`, values);
    },
    async updateMany({ model, where, update }) {
      const { sql, values } = toUpdate(model, update, where);
      return await change(sql, values);
    },
    async incrementOne({ model, where, increment, set }) {
      const [counters, others] = [Object.keys(increment), Object.keys(set ?? {})];
      const assignments = [
        ...counters.map((column) => `${quote(column)} = coalesce(${quote(column)}, 0) + ?`),
        ...others.map((column) => `${quote(column)} = ?`),
      ];
      const filter = toFilter(where);
      const one = `SELECT rowid FROM ${quote(model)}${filter.sql} LIMIT 1`;
      const sql = `UPDATE ${quote(model)} SET ${assignments.join(", ")} WHERE rowid IN (${one}) RETURNING *`;
      const values = [...counters.map((name) => increment[name]), ...others.map((name) => set?.[name])];
      return await first(sql, [...values.map(toValue), ...filter.values]);
    },
    async delete({ model, where }) {
      const filter = toFilter(where);
      await change(`DELETE FROM ${quote(model)}${filter.sql}`, filter.values);
    },
    async deleteMany({ model, where }) {
      const filter = toFilter(where);
      return await change(`DELETE FROM ${quote(model)}${filter.sql}`, filter.values);
    },
    async consumeOne({ model, where }) {
      const filter = toFilter(where);
      const one = `SELECT rowid FROM ${quote(model)}${filter.sql} LIMIT 1`;
      return await first(`DELETE FROM ${quote(model)} WHERE rowid IN (${one}) RETURNING *`, filter.values);
    },
  };
}

function toUpdate(model: string, update: Record<string, unknown>, where: Conditions) {
  const columns = Object.keys(update);
  const filter = toFilter(where);
  return {
    sql: `UPDATE ${quote(model)} SET ${columns.map((column) => `${quote(column)} = ?`).join(", ")}${filter.sql}`,
    values: [...columns.map((column) => toValue(update[column])), ...filter.values],
  };
}

/**
 * A WHERE clause, or an empty string without conditions. AND binds before OR, as in better-auth's other SQL
 * adapters.
 */
function toFilter(where: Conditions): { sql: string; values: Value[] } {
  const values: Value[] = [];
  const render = (condition: Conditions[number]) => renderCondition(condition, values);
  const required = where.filter((condition) => condition.connector !== "OR").map(render);
  const alternatives = where.filter((condition) => condition.connector === "OR").map(render);
  const parts = [...required, ...(alternatives.length > 0 ? [`(${alternatives.join(" OR ")})`] : [])];
  return { sql: parts.length > 0 ? ` WHERE ${parts.join(" AND ")}` : "", values };
}

const COMPARISONS: Readonly<Record<string, string>> = {
  eq: "=",
  ne: "<>",
  lt: "<",
  lte: "<=",
  gt: ">",
  gte: ">=",
};

function renderCondition({ field, operator, value }: Conditions[number], values: Value[]): string {
  const column = quote(field);
  if (value === null) return operator === "ne" ? `${column} IS NOT NULL` : `${column} IS NULL`;
  if (operator === "in" || operator === "not_in") {
    const list = Array.isArray(value) ? value : [value];
    values.push(...list.map(toValue));
    return `${column} ${operator === "in" ? "IN" : "NOT IN"} (${list.map(() => "?").join(", ")})`;
  }
  const comparison = COMPARISONS[operator ?? "eq"];
  // Pattern operators serve better-auth's admin plug-ins, which Gatehouse does not use.
  if (comparison === undefined)
    throw new Error(`The D1 adapter does not support the operator "${operator}".`);
  values.push(toValue(value));
  return `${column} ${comparison} ?`;
}

function toValue(value: unknown): Value {
  if (typeof value === "string" || typeof value === "number" || value === null) return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (value instanceof Date) return value.toISOString();
  throw new TypeError("The D1 adapter binds text, numbers, booleans, dates and null only.");
}

function quote(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}
