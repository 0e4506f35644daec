import type { ExposedTable } from "../../../workers/connections/judge/statement.ts";

/** A statement that must not reach a database. */
export interface Attempt {
  /** What it tries. */
  kind: string;
  sql: string;
}

/** Every template with every value in the place of `@`. */
export function combine(kind: string, templates: readonly string[], values: readonly string[]): Attempt[] {
  return templates.flatMap((template) =>
    values.map((value) => ({ kind, sql: template.replaceAll("@", () => value) })),
  );
}

export function each(kind: string, statements: readonly string[]): Attempt[] {
  return statements.map((sql) => ({ kind, sql }));
}

/** Columns of `customers` that a role with hidden columns may not see. */
export const HIDDEN_COLUMNS: readonly string[] = ["email", "phone"];

const COLUMNS = {
  customers: "id name email phone country tags created_at notes",
  orders: "id customer_id status total ordered_at data",
  order_items: "order_id product_id qty price",
  products: "id name category price attributes",
};

/** The tables of the shop in a schema or database, and the staff in `hr`. `secrets` exists and is not exposed. */
export function exposeTables(schema: string, hidden: readonly string[] = []): ExposedTable[] {
  const expose = (of: string, name: string, columns: string): ExposedTable => ({
    schema: of,
    name,
    columns: columns
      .split(" ")
      .map((column) => ({ name: column, hidden: name === "customers" && hidden.includes(column) })),
  });
  return [
    ...Object.entries(COLUMNS).map(([name, columns]) => expose(schema, name, columns)),
    expose("hr", "staff", "id name email salary manager_id"),
  ];
}
