import { en, Faker } from "@faker-js/faker";
import type { Client } from "pg";
import { Chance } from "./crm/chance.ts";
import { COUNTRIES, PRODUCTS, TABLES } from "./shop/tables.ts";

const SEED = 20_261_129;
const CUSTOMERS = 400;
const ORDERS = 3_000;
const DAYS = 540;
const DAY_MS = 86_400_000;

/** Name of the demonstration's database, and of the role that reads it. */
export const SHOP = { database: "shop", reader: "gatehouse" } as const;

/**
 * Makes the demonstration's database `shop` on an empty server, with invented customers and orders of the last
 * {@link DAYS} days before `asOf`, and a role that may read it and nothing else.
 *
 * @param open - opens a session as the server's owner in a database; the caller closes it
 */
export async function seedShop(
  open: (database: string) => Promise<Client>,
  options: { asOf: Date; readerPassword: string },
): Promise<void> {
  const server = await open("postgres");
  await server.query(`CREATE DATABASE ${SHOP.database}`);
  const client = await open(SHOP.database);
  await client.query("BEGIN");
  await client.query(TABLES);
  for (const [table, rows] of Object.entries(inventRows(options.asOf))) {
    await client.query(
      `INSERT INTO ${table} SELECT * FROM json_populate_recordset(NULL::${table}, $1::json)`,
      [JSON.stringify(rows)],
    );
  }
  await client.query(
    `CREATE ROLE ${SHOP.reader} LOGIN PASSWORD ${client.escapeLiteral(options.readerPassword)}
       NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT CONNECTION LIMIT 20`,
  );
  await client.query(`
    ALTER ROLE ${SHOP.reader} SET default_transaction_read_only = on;
    GRANT USAGE ON SCHEMA public TO ${SHOP.reader};
    GRANT SELECT ON customers, products, orders, order_items, product_reach TO ${SHOP.reader};
    REVOKE TEMPORARY ON DATABASE ${SHOP.database} FROM PUBLIC;
    REVOKE EXECUTE ON FUNCTION pg_catalog.lo_from_bytea(oid, bytea), pg_catalog.lo_put(oid, bigint, bytea),
      pg_catalog.lo_creat(integer), pg_catalog.lo_create(oid) FROM PUBLIC;
    COMMIT`);
  // Estimates of rows, which a model is shown.
  await client.query("ANALYZE");
}

type Row = Record<string, string | number | boolean | null>;

/** Rows of each table, in a sequence that foreign keys allow. */
function inventRows(asOf: Date): Record<string, Row[]> {
  // An instance of its own: other seeds that run at the same time use the shared one.
  const faker = new Faker({ locale: en, seed: SEED });
  const chance = new Chance(faker, asOf);
  const dayBefore = (days: number) => new Date(asOf.getTime() - days * DAY_MS).toISOString();
  const customers = Array.from({ length: CUSTOMERS }, (_none, index): Row => {
    const [country, cities] = chance.pickWeighted(COUNTRIES.map((place) => [place, place[2]] as const));
    const [first, last] = [faker.person.firstName(), faker.person.lastName()];
    const local = `${first}.${last}`.toLowerCase().replace(/[^a-z.]/g, "");
    return {
      id: index + 1,
      name: `${first} ${last}`,
      email: `${local}${index + 1}@mail.example`,
      country,
      city: chance.pick(cities),
      newsletter: chance.happens(0.35),
      joined_on: dayBefore(chance.between(DAYS, 2 * DAYS)).slice(0, 10),
    };
  });
  const products = PRODUCTS.map(([name, category, price], index): Row & { id: number } => ({
    id: index + 1,
    name,
    category,
    price,
    stock: Math.round(chance.skewed(120, 0.9)),
    since: dayBefore(chance.between(DAYS, 2 * DAYS)).slice(0, 10),
  }));
  const orders: Row[] = [];
  const order_items: Row[] = [];
  for (let id = 1; id <= ORDERS; id += 1) {
    // The square root puts more orders into the recent past: the shop grows.
    const age = DAYS * (1 - Math.sqrt(chance.fraction()));
    const chosen = new Map<number, number>();
    for (let item = chance.between(1, 4); item > 0; item -= 1) {
      const product = chance.pickWeighted(PRODUCTS.map((row, index) => [index, row[3]] as const));
      chosen.set(product, chance.happens(0.8) ? 1 : chance.between(2, 4));
    }
    let sum = 0;
    for (const [product, quantity] of chosen) {
      const price = PRODUCTS[product]?.[2] ?? 0;
      order_items.push({ order_id: id, product_id: product + 1, quantity, price });
      sum += price * quantity;
    }
    const voucher = chance.happens(0.08) ? "WELCOME5" : null;
    orders.push({
      id,
      customer_id: chance.between(1, CUSTOMERS),
      ordered_at: dayBefore(age),
      status: chooseStatus(chance, age),
      total: Math.max(0, sum - (voucher === null ? 0 : 5)).toFixed(2),
      voucher,
    });
  }
  const supplier_prices = PRODUCTS.map(
    ([, category, price], index): Row => ({
      product_id: index + 1,
      supplier: category === "equipment" ? "Kettle & Sons" : "Northern Leaf Import",
      price: (price * 0.55).toFixed(2),
    }),
  );
  return { customers, products, orders, order_items, supplier_prices };
}

function chooseStatus(chance: Chance, ageInDays: number): string {
  if (ageInDays < 4)
    return chance.pickWeighted([
      ["open", 4],
      ["paid", 5],
      ["cancelled", 1],
    ] as const);
  return chance.pickWeighted([
    ["shipped", 88],
    ["returned", 7],
    ["cancelled", 5],
  ] as const);
}
