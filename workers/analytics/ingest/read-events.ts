import { z } from "zod";
import { cutText } from "../../../shared/text/well-formed.ts";
import { EVENT_KINDS } from "../facts.ts";

/** Maximum number of events per call. */
export const MAX_EVENTS = 10_000;

/** Tolerance for clocks of senders; an event further in the future is an error. */
const AHEAD_MS = 86_400_000;

const text = (max: number) => z.string().trim().min(1).max(max);
const count = z.number().int().min(0);

/** An event as clients send it. Strict, so that a misspelt field is an error and not a silent 0. */
const eventShape = z.strictObject({
  key: text(200),
  occurred_at: z.iso.datetime({ offset: true }),
  kind: z.enum(EVENT_KINDS),
  customer_id: text(100),
  region: text(100),
  country: text(100),
  segment: text(100),
  channel: text(100),
  category: text(100),
  product: text(100),
  campaign: text(100).nullish(),
  quantity: count.max(1_000_000).default(0),
  amount_cents: count.max(100_000_000_000).default(0),
  cost_cents: count.max(100_000_000_000).default(0),
  new_customer: z.boolean().optional(),
});

/** Fields in a sentence for the tool's description. */
export const EVENT_FIELDS =
  "key (the sender's own, unique), occurred_at (ISO 8601 with offset), kind (visit, cart, checkout, order, refund), customer_id, " +
  "region, country, segment, channel, category, product; optional campaign, quantity, amount_cents, cost_cents (US cents), " +
  "new_customer (default: whether it is the customer's first order)";

/** A validated event, in UTC to the second. `new_customer` is `null` where the store determines it. */
export interface CheckedEvent {
  event_key: string;
  occurred_at: string;
  kind: z.output<typeof eventShape>["kind"];
  customer_id: string;
  region: string;
  country: string;
  segment: string;
  channel: string;
  category: string;
  product: string;
  campaign: string | null;
  quantity: number;
  amount_cents: number;
  cost_cents: number;
  new_customer: 0 | 1 | null;
}

/** Fields of an event in the order of their columns; the event's key comes before them. */
export const EVENT_COLUMNS = [
  "occurred_at",
  "kind",
  "customer_id",
  "region",
  "country",
  "segment",
  "channel",
  "category",
  "product",
  "campaign",
  "quantity",
  "amount_cents",
  "cost_cents",
  "new_customer",
] as const satisfies (keyof CheckedEvent)[];

/** Error of one row. */
export interface RowError {
  /** Index in the call, from 0. */
  row: number;
  key?: string;
  message: string;
}

/**
 * Validates rows one by one: an invalid row is reported with its field and reason and does not affect the
 * others. If a key appears twice in one call, the first row counts; the second is an error unless it is
 * equal.
 */
export function readEvents(
  rows: readonly unknown[],
  now: Date,
): { events: CheckedEvent[]; errors: RowError[]; repeated: number } {
  const events = new Map<string, CheckedEvent>();
  const errors: RowError[] = [];
  let repeated = 0;
  for (const [row, value] of rows.entries()) {
    const read = readEvent(value, now);
    if (typeof read === "string") {
      const key = (value as { key?: unknown } | null)?.key;
      errors.push({ row, ...(typeof key === "string" && { key: cutText(key, 200) }), message: read });
      continue;
    }
    const known = events.get(read.event_key);
    if (known === undefined) events.set(read.event_key, read);
    else if (isSameEvent(known, read)) repeated++;
    else errors.push({ row, key: read.event_key, message: "Another event of this call has the same key." });
  }
  return { events: [...events.values()], errors, repeated };
}

/** Whether two events are equal. Fields that the store determines do not count. */
export function isSameEvent(a: CheckedEvent, b: CheckedEvent): boolean {
  return (Object.keys(a) as (keyof CheckedEvent)[]).every(
    (field) =>
      a[field] === b[field] || (field === "new_customer" && (a[field] === null || b[field] === null)),
  );
}

/** The event, or a sentence about its error. */
function readEvent(value: unknown, now: Date): CheckedEvent | string {
  const parsed = eventShape.safeParse(value);
  if (!parsed.success) return parsed.error.issues.slice(0, 3).map(describeIssue).join(" ");
  const { key, occurred_at, campaign, new_customer, ...rest } = parsed.data;
  const moment = Date.parse(occurred_at);
  if (!(moment >= Date.UTC(2000, 0, 1))) return "occurred_at: before the year 2000.";
  if (moment > now.getTime() + AHEAD_MS) return "occurred_at: more than a day in the future.";
  if (new_customer === true && rest.kind !== "order")
    return "new_customer: only an order makes a new customer.";
  if (rest.kind === "visit" && rest.amount_cents + rest.cost_cents > 0)
    return "amount_cents: a visit costs nothing.";
  return {
    event_key: key,
    occurred_at: `${new Date(moment).toISOString().slice(0, 19)}Z`,
    ...rest,
    campaign: campaign ?? null,
    new_customer: rest.kind !== "order" ? 0 : new_customer === undefined ? null : new_customer ? 1 : 0,
  };
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const field = cutText(issue.path.join("."), 60) || "event";
  if (issue.code === "unrecognized_keys") {
    return `${field}: unknown field ${cutText(issue.keys.slice(0, 3).join(", "), 100)}.`;
  }
  return `${field}: ${cutText(issue.message, 150)}.`;
}
