import type { Classification } from "../../shared/call/mask-rules.ts";

/**
 * Metrics of the semantic layer: one definition for all callers; `dimensions.ts` holds their dimensions. A
 * change here changes figures that people compare over years, so the owner that the entry names reviews it.
 */

import type { MeasureName } from "./measures.ts";

/** What a metric's number means. Percentages are 12.5 for 12.5 %. */
export type Unit = "USD" | "percent" | "count";

/** An entry of the semantic catalogue. */
export interface Metric {
  name: string;
  title: string;
  description: string;
  unit: Unit;
  /** The definition in words. */
  formula: string;
  numerator: MeasureName;
  denominator?: MeasureName;
  /** Decimals, if they differ from the unit's. */
  decimals?: number;
  /** Whether more is better. */
  good: "up" | "down";
  synonyms: readonly string[];
  /** The team that answers for the definition. */
  owner: string;
  classification: Classification;
}

/** The catalogue, in the order of its listing. */
export const METRICS: readonly Metric[] = [
  {
    name: "revenue",
    title: "Revenue",
    description: "What customers ordered, before refunds.",
    unit: "USD",
    formula: "sum of the amounts of orders",
    numerator: "ordered_cents",
    good: "up",
    synonyms: ["sales", "turnover", "gmv", "gross revenue", "order value", "umsatz"],
    owner: "Finance",
    classification: "internal",
  },
  {
    name: "net_revenue",
    title: "Net revenue",
    description: "What remains after refunds. A refund counts on the day it is given.",
    unit: "USD",
    formula: "amounts of orders − amounts of refunds",
    numerator: "net_cents",
    good: "up",
    synonyms: ["net sales", "revenue after refunds"],
    owner: "Finance",
    classification: "internal",
  },
  {
    name: "gross_profit",
    title: "Gross profit",
    description: "Revenue less the cost of the goods, before refunds.",
    unit: "USD",
    formula: "amounts of orders − cost of goods ordered",
    numerator: "profit_cents",
    good: "up",
    synonyms: ["profit", "gross income"],
    owner: "Finance",
    classification: "internal",
  },
  {
    name: "gross_margin",
    title: "Gross margin",
    description: "Gross profit in percent of revenue.",
    unit: "percent",
    formula: "gross_profit ÷ revenue × 100",
    numerator: "profit_cents",
    denominator: "ordered_cents",
    good: "up",
    synonyms: ["margin", "profit margin", "margin rate"],
    owner: "Finance",
    classification: "internal",
  },
  {
    name: "refunded_amount",
    title: "Refunded amount",
    description: "Money given back in the period, whenever the order was.",
    unit: "USD",
    formula: "sum of the amounts of refunds",
    numerator: "refunded_cents",
    good: "down",
    synonyms: ["refunds", "returns", "returned amount"],
    owner: "Finance",
    classification: "internal",
  },
  {
    name: "refund_rate",
    title: "Refund rate",
    description: "Refunded amount in percent of the revenue of the same period.",
    unit: "percent",
    formula: "refunded_amount ÷ revenue × 100",
    numerator: "refunded_cents",
    denominator: "ordered_cents",
    good: "down",
    synonyms: ["return rate", "refund share"],
    owner: "Finance",
    classification: "internal",
  },
  {
    name: "orders",
    title: "Orders",
    description: "Orders placed.",
    unit: "count",
    formula: "number of orders",
    numerator: "orders",
    good: "up",
    synonyms: ["order count", "purchases", "transactions", "number of orders"],
    owner: "Sales operations",
    classification: "internal",
  },
  {
    name: "units",
    title: "Units sold",
    description: "Pieces ordered.",
    unit: "count",
    formula: "sum of the quantities of orders",
    numerator: "units",
    good: "up",
    synonyms: ["units sold", "quantity", "volume", "pieces", "items sold"],
    owner: "Sales operations",
    classification: "internal",
  },
  {
    name: "average_order_value",
    title: "Average order value",
    description: "Revenue of an order on average.",
    unit: "USD",
    formula: "revenue ÷ orders",
    numerator: "ordered_cents",
    denominator: "orders",
    good: "up",
    synonyms: ["aov", "basket size", "basket value", "average basket", "mean order value"],
    owner: "Sales operations",
    classification: "internal",
  },
  {
    name: "customers",
    title: "Customers",
    description: "Different customers with an order in the period; one who buys twice counts once.",
    unit: "count",
    formula: "number of different customers with an order",
    numerator: "customers",
    good: "up",
    synonyms: ["buyers", "active customers", "paying customers", "unique customers"],
    owner: "Marketing",
    classification: "internal",
  },
  {
    name: "new_customers",
    title: "New customers",
    description: "Customers whose first order ever lies in the period.",
    unit: "count",
    formula: "number of first orders",
    numerator: "new_customers",
    good: "up",
    synonyms: ["first-time buyers", "acquisitions", "new buyers", "acquired customers"],
    owner: "Marketing",
    classification: "internal",
  },
  {
    name: "revenue_per_customer",
    title: "Revenue per customer",
    description: "Revenue divided by the different customers who ordered.",
    unit: "USD",
    formula: "revenue ÷ customers",
    numerator: "ordered_cents",
    denominator: "customers",
    good: "up",
    synonyms: ["arpu", "arpc", "spend per customer"],
    owner: "Marketing",
    classification: "internal",
  },
  {
    name: "visits",
    title: "Visits",
    description: "Visits to the shop.",
    unit: "count",
    formula: "number of visits",
    numerator: "visits",
    good: "up",
    synonyms: ["traffic", "sessions", "shop visits"],
    owner: "Marketing",
    classification: "internal",
  },
  {
    name: "visitors",
    title: "Visitors",
    description: "Different customers with a visit in the period.",
    unit: "count",
    formula: "number of different customers with a visit",
    numerator: "visitors",
    good: "up",
    synonyms: ["unique visitors", "active users", "users"],
    owner: "Marketing",
    classification: "internal",
  },
  {
    name: "conversion_rate",
    title: "Conversion rate",
    description: "Orders in percent of visits.",
    unit: "percent",
    formula: "orders ÷ visits × 100",
    numerator: "orders",
    denominator: "visits",
    good: "up",
    synonyms: ["conversion", "cvr", "cr", "order rate"],
    owner: "Marketing",
    classification: "internal",
  },
  {
    name: "cart_rate",
    title: "Cart rate",
    description: "Filled carts in percent of visits.",
    unit: "percent",
    formula: "carts ÷ visits × 100",
    numerator: "carts",
    denominator: "visits",
    good: "up",
    synonyms: ["add to cart rate", "carts per visit"],
    owner: "Marketing",
    classification: "internal",
  },
  {
    name: "checkout_completion",
    title: "Checkout completion",
    description: "Orders in percent of checkouts begun.",
    unit: "percent",
    formula: "orders ÷ checkouts × 100",
    numerator: "orders",
    denominator: "checkouts",
    good: "up",
    synonyms: ["checkout rate", "checkout conversion", "completed checkouts"],
    owner: "Product",
    classification: "internal",
  },
  {
    name: "us_jobs",
    title: "US jobs",
    description:
      "Employees on US nonfarm payrolls, seasonally adjusted, on average over the months of the period. Public data of the " +
      "US Bureau of Labor Statistics, January 2006 to December 2015.",
    unit: "count",
    formula: "sum of jobs ÷ months",
    numerator: "jobs",
    denominator: "months",
    good: "up",
    synonyms: ["us employment", "nonfarm payrolls", "employment", "payrolls"],
    owner: "Strategy",
    classification: "public",
  },
];
