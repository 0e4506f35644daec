import type { CheckedEvent } from "../../../workers/analytics/ingest/read-events.ts";
import { Random } from "./random.ts";
import {
  CHANNELS,
  MARKETS,
  type Market,
  MONTHS,
  PRODUCTS,
  type Product,
  SEGMENTS,
  type SegmentTraits,
  STORY,
  WEEKDAYS,
} from "./shop.ts";

/** A row of the table `events`, as ingestion would write it, with a number instead of a client's key. */
export interface ShopEvent extends Omit<CheckedEvent, "event_key" | "new_customer"> {
  id: number;
  new_customer: 0 | 1;
}

/** Amount of data. The days end with the last whole day before `asOf`. */
export interface ShopOptions {
  asOf: Date;
  events: number;
  /** Default 730. */
  days?: number;
  seed?: number;
}

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 730;
/** Ratio of traffic per year. */
const YEARLY_GROWTH = 1.28;

interface Customer {
  id: string;
  market: Market;
  segment: SegmentTraits;
}

type Draft = Omit<ShopEvent, "id">;

/**
 * Generates this number of shop events, day by day in order of time: weekly and yearly seasons, growth, a
 * campaign, an outage, refunds days after their order. The same options give the same events.
 */
export function* generateDays(options: ShopOptions): Generator<ShopEvent[]> {
  const { asOf, events, days = DEFAULT_DAYS, seed = 20_261_121 } = options;
  const end = Date.UTC(asOf.getUTCFullYear(), asOf.getUTCMonth(), asOf.getUTCDate());
  const weights = Array.from({ length: days }, (_, index) => weighDay(end - (days - index) * DAY_MS, index));
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  const shop = new Shop(new Random(seed), Math.max(10, Math.round(events / 9)));
  let due = 0;
  let written = 0;
  for (const [index, weight] of weights.entries()) {
    due += (events * weight) / whole;
    const isLast = index === days - 1;
    const drafts = shop.playDay(
      end - (days - index) * DAY_MS,
      days - index,
      (isLast ? events : due) - written,
    );
    const day = drafts
      .slice(0, events - written)
      .map((draft, place) => ({ id: written + place + 1, ...draft }));
    written += day.length;
    yield day;
  }
}

function weighDay(start: number, index: number): number {
  const day = new Date(start);
  const season = (WEEKDAYS[day.getUTCDay()] ?? 1) * (MONTHS[day.getUTCMonth()] ?? 1);
  return season * YEARLY_GROWTH ** (index / 365);
}

class Shop {
  readonly #random: Random;
  readonly #customers: Customer[];
  /** Ids of customers with an order. */
  readonly #buyers = new Set<string>();
  /** Future refunds, by the start of their day. */
  readonly #refunds = new Map<number, Draft[]>();

  constructor(random: Random, customers: number) {
    this.#random = random;
    this.#customers = Array.from({ length: customers }, (_, index) => ({
      id: `C${String(index + 1).padStart(6, "0")}`,
      market: random.pick(MARKETS),
      segment: random.pick(SEGMENTS),
    }));
  }

  /**
   * Generates sessions of one day until it has this many events; `before` is the number of days to the end of
   * the data.
   */
  playDay(start: number, before: number, wanted: number): Draft[] {
    const drafts = this.#refunds.get(start) ?? [];
    this.#refunds.delete(start);
    while (drafts.length < wanted) drafts.push(...this.#playSession(start, before));
    drafts.sort((a, b) => (a.occurred_at < b.occurred_at ? -1 : a.occurred_at > b.occurred_at ? 1 : 0));
    return drafts.map((draft) => this.#markFirstOrder(draft));
  }

  /** Sessions of a day are generated in any order: the sorted day shows a customer's first order. */
  #markFirstOrder(draft: Draft): Draft {
    if (draft.kind !== "order" || this.#buyers.has(draft.customer_id)) return draft;
    this.#buyers.add(draft.customer_id);
    return { ...draft, new_customer: 1 };
  }

  #playSession(start: number, before: number): Draft[] {
    const random = this.#random;
    // Squared, so that some customers return often and many come once.
    const place = Math.floor(random.next() ** 2 * this.#customers.length);
    const customer = this.#customers[place];
    if (!customer) return [];
    const action = [STORY.campaign, STORY.sale].find(({ from, to }) => before <= from && before >= to);
    const reached = action && random.chance(action.traffic - 1) ? action : undefined;
    const channel = reached ? channelNamed(reached.channel) : random.pick(CHANNELS);
    const product = reached ? pickFrom(random, reached.category) : random.pick(PRODUCTS);
    const second = random.integer(Math.floor(DAY_SECONDS * 0.25), DAY_SECONDS - 1_200);
    const visit = describeEvent(start, second, customer, channel.name, product, reached?.name ?? null);
    return [
      visit,
      ...this.#playPurchase(visit, start, second, before, customer, channel.conversion, product),
    ];
  }

  #playPurchase(
    visit: Draft,
    start: number,
    second: number,
    before: number,
    customer: Customer,
    conversion: number,
    product: Product,
  ): Draft[] {
    const random = this.#random;
    const { outage } = STORY;
    const isDown = before <= outage.from && before >= outage.to && customer.market.region === outage.region;
    const quantity = random.integer(1, customer.segment.maxQuantity);
    const at = (seconds: number) => toStamp(start + (second + seconds) * 1_000);
    if (!random.chance(0.26 * conversion * customer.segment.conversion)) return [];
    const cart: Draft = { ...visit, kind: "cart", occurred_at: at(random.integer(40, 300)), quantity };
    if (!random.chance(0.68)) return [cart];
    const checkout: Draft = { ...cart, kind: "checkout", occurred_at: at(random.integer(310, 600)) };
    if (!random.chance(isDown ? outage.completion : 0.78)) return [cart, checkout];
    // Prices differ a little by market and day; always whole cents.
    const amount = Math.round(product.priceCents * quantity * (0.92 + 0.16 * random.next()));
    const order: Draft = {
      ...checkout,
      kind: "order",
      occurred_at: at(random.integer(610, 1_100)),
      amount_cents: amount,
      cost_cents: Math.round(product.priceCents * quantity * product.costRatio),
    };
    if (random.chance(product.category === "Footwear" ? 0.09 : 0.05)) this.#planRefund(order, start);
    return [cart, checkout, order];
  }

  #planRefund(order: Draft, start: number): void {
    const random = this.#random;
    const day = start + random.integer(2, 20) * DAY_MS;
    const isPart = order.quantity > 1 && random.chance(0.5);
    const refund: Draft = {
      ...order,
      kind: "refund",
      occurred_at: toStamp(day + random.integer(8 * 3_600, 18 * 3_600) * 1_000),
      amount_cents: isPart ? Math.round(order.amount_cents / 2) : order.amount_cents,
      cost_cents: 0,
      new_customer: 0,
    };
    this.#refunds.set(day, [...(this.#refunds.get(day) ?? []), refund]);
  }
}

const DAY_SECONDS = DAY_MS / 1_000;

function describeEvent(
  start: number,
  second: number,
  customer: Customer,
  channel: string,
  product: Product,
  campaign: string | null,
): Draft {
  return {
    occurred_at: toStamp(start + second * 1_000),
    kind: "visit",
    customer_id: customer.id,
    ...customer.market,
    segment: customer.segment.name,
    channel,
    category: product.category,
    product: product.name,
    campaign,
    quantity: 0,
    amount_cents: 0,
    cost_cents: 0,
    new_customer: 0,
  };
}

function channelNamed(name: string): { name: string; conversion: number } {
  return (
    CHANNELS.map(([channel]) => channel).find((channel) => channel.name === name) ?? { name, conversion: 1 }
  );
}

function pickFrom(random: Random, category: string): Product {
  return random.pick(PRODUCTS.filter(([product]) => product.category === category));
}

function toStamp(moment: number): string {
  return `${new Date(moment).toISOString().slice(0, 19)}Z`;
}
