import type { Reader } from "./reader.ts";

/** A range of customers by id; `null` is no bound. */
export interface CustomerSlice {
  /** Excluded. */
  after: string | null;
  /** Included. */
  to: string | null;
}

/** All customers. */
const ALL_CUSTOMERS: CustomerSlice = { after: null, to: null };

/** Maximum events that one statement sorts: a second or two; D1 ends a statement after 30 seconds. */
const SLICE_EVENTS = 100_000;

/**
 * Splits customers so that no slice has many more events than {@link SLICE_EVENTS}. All events of one
 * customer are in one slice, so counts by customer can be added up. Finds the bounds one after the other on
 * the index `events_by_customer`.
 *
 * @param expected - number of events in the query; a small number is one slice
 * @param most - events of a slice, {@link SLICE_EVENTS} by default
 */
export async function* sliceCustomers(
  db: Reader,
  kind: string,
  expected: number,
  most = SLICE_EVENTS,
): AsyncGenerator<CustomerSlice> {
  if (expected <= most) {
    yield ALL_CUSTOMERS;
    return;
  }
  const next = db.prepare(
    `SELECT customer_id FROM events INDEXED BY events_by_customer
     WHERE kind = ?1 AND customer_id > ?2 ORDER BY customer_id LIMIT 1 OFFSET ${most >> 1}`,
  );
  let after = "";
  for (;;) {
    const to = await next.bind(kind, after).first<{ customer_id: string }>();
    yield { after, to: to?.customer_id ?? null };
    if (!to) return;
    after = to.customer_id;
  }
}

/**
 * The condition of a slice as SQL, and the table expression: a slice reads the customers' index, the whole
 * reads the time index. Appends the bound values to `values`.
 */
export function sliceSql(
  { after, to }: CustomerSlice,
  values: (string | number)[],
): { table: string; condition: string } {
  const bound = (operator: string, id: string | null) => {
    if (id === null) return "";
    values.push(id);
    return ` AND customer_id ${operator} ?${values.length}`;
  };
  const condition = bound(">", after) + bound("<=", to);
  return { table: condition === "" ? "events" : "events INDEXED BY events_by_customer", condition };
}
