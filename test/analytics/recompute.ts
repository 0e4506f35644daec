import type { ShopEvent } from "../../scripts/seed/analytics/events.ts";

/** Every metric of the shop, computed directly from its rows; shares no code with the server. */
export const RECOMPUTE: Readonly<Record<string, (rows: readonly ShopEvent[]) => number | null>> = {
  revenue: (rows) => dollars(amount(rows, "order")),
  net_revenue: (rows) => dollars(amount(rows, "order") - amount(rows, "refund")),
  gross_profit: (rows) => dollars(amount(rows, "order") - cost(rows)),
  gross_margin: (rows) => percent(amount(rows, "order") - cost(rows), amount(rows, "order")),
  refunded_amount: (rows) => dollars(amount(rows, "refund")),
  refund_rate: (rows) => percent(amount(rows, "refund"), amount(rows, "order")),
  orders: (rows) => of(rows, "order").length,
  units: (rows) => of(rows, "order").reduce((sum, { quantity }) => sum + quantity, 0),
  average_order_value: (rows) => perOne(amount(rows, "order"), of(rows, "order").length),
  customers: (rows) => people(rows, "order"),
  new_customers: (rows) => of(rows, "order").filter(({ new_customer }) => new_customer === 1).length,
  revenue_per_customer: (rows) => perOne(amount(rows, "order"), people(rows, "order")),
  visits: (rows) => of(rows, "visit").length,
  visitors: (rows) => people(rows, "visit"),
  conversion_rate: (rows) => percent(of(rows, "order").length, of(rows, "visit").length),
  cart_rate: (rows) => percent(of(rows, "cart").length, of(rows, "visit").length),
  checkout_completion: (rows) => percent(of(rows, "order").length, of(rows, "checkout").length),
};

/** Rows of a range of days, both included. */
export function within(rows: readonly ShopEvent[], first: string, last: string): ShopEvent[] {
  return rows.filter(({ occurred_at }) => {
    const day = occurred_at.slice(0, 10);
    return day >= first && day <= last;
  });
}

/** Rows by a key. */
export function groupBy(
  rows: readonly ShopEvent[],
  key: (row: ShopEvent) => string,
): Map<string, ShopEvent[]> {
  return Map.groupBy(rows, key);
}

function of(rows: readonly ShopEvent[], kind: string): ShopEvent[] {
  return rows.filter((row) => row.kind === kind);
}

function amount(rows: readonly ShopEvent[], kind: string): number {
  return of(rows, kind).reduce((sum, { amount_cents }) => sum + amount_cents, 0);
}

function cost(rows: readonly ShopEvent[]): number {
  return of(rows, "order").reduce((sum, { cost_cents }) => sum + cost_cents, 0);
}

function people(rows: readonly ShopEvent[], kind: string): number {
  return new Set(of(rows, kind).map(({ customer_id }) => customer_id)).size;
}

function dollars(cents: number): number {
  return Number(
    `${Math.sign(cents) < 0 ? "-" : ""}${Math.floor(Math.abs(cents) / 100)}.${String(Math.abs(cents) % 100).padStart(2, "0")}`,
  );
}

function percent(part: number, whole: number): number | null {
  return whole === 0 ? null : roundHalfUp(part * 100, whole);
}

function perOne(cents: number, count: number): number | null {
  return count === 0 ? null : roundHalfUp(cents, count * 100);
}

/** `top / bottom` with two decimals, by long division in whole numbers. */
function roundHalfUp(top: number, bottom: number): number {
  const hundredfold = top * 100;
  const whole = Math.trunc(hundredfold / bottom);
  const rest = Math.abs(hundredfold - whole * bottom);
  const rounded = rest * 2 >= bottom ? whole + Math.sign(hundredfold) : whole;
  return rounded / 100;
}
