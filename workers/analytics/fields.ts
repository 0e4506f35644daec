import { z } from "zod";
import { readJson } from "../../shared/server/forgive-arguments.ts";
import { GRAINS } from "./grains.ts";
import { PERIOD_FORMS } from "./periods.ts";

/** A name or value of at most 100 characters. */
const nameField = z.string().trim().min(1).max(100);

/** A list of names; callers may also write it as one text, with commas or as JSON. */
function listField(max: number) {
  return z.preprocess((value) => {
    if (typeof value !== "string" || value.length > max * 200) return value;
    return (
      readList(value) ??
      value
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== "")
    );
  }, z.array(nameField).max(max));
}

/** Parses a text as a JSON list; `undefined` if it is none. */
function readList(text: string): unknown[] | undefined {
  const value = readJson(text);
  return Array.isArray(value) ? value : undefined;
}

/** One metric. */
export const metricField = nameField.describe(
  "Metric name or synonym, e.g. revenue, orders, conversion_rate",
);

/** Several metrics. */
export const metricsField = listField(6).describe(
  'Metric names or synonyms, e.g. ["revenue", "orders"]; see analytics_list_metrics',
);

/** Several dimensions. */
export const dimensionsField = listField(3).describe(
  "Cut by: region, country, segment, channel, category, product, campaign, customer (at most 3)",
);

/** One dimension. */
export const dimensionField = nameField;

/** A span of time. */
export const periodField = z
  .preprocess(
    (value) => (typeof value === "number" ? String(value) : value),
    z.string().trim().min(1).max(60),
  )
  .describe(`Days (UTC): ${PERIOD_FORMS}`);

/** A time zone. */
export const timezoneField = z
  .string()
  .trim()
  .min(1)
  .max(60)
  .describe('IANA time zone whose days and hours are meant, e.g. "Europe/Berlin"; default UTC');

/** A size of time bucket. */
export const grainField = z.enum(GRAINS).describe("Time bucket; total gives one figure for the period");

/** A size of time bucket, without `total`, for tools that need several buckets. */
export const bucketField = z.enum(GRAINS).exclude(["total"]).default("day");

/** Customers that a query covers. A session keeps both values for later calls. */
export const customerFields = {
  region: nameField.describe('Sales region, e.g. "Europe"; "all" for every region').optional(),
  segment: nameField.describe('Customer segment, e.g. "Enterprise"; "all" for every segment').optional(),
};

/** One member of a dimension, or several of them, also as JSON text. */
const membersField = z.preprocess(
  (value) => (typeof value === "string" ? (readList(value) ?? value) : value),
  z.union([nameField, z.array(nameField).max(100)]),
);

/** Filters by dimension. */
export const filtersField = z
  .record(nameField, membersField)
  .refine((filters) => Object.keys(filters).length <= 8, "at most 8 filters")
  .describe('By dimension: {"channel": ["email", "ads"], "country": "!Germany"}; "!" excludes');

/** Filters and customers of a query. */
export const selectionFields = { filters: filtersField.optional(), ...customerFields };

/** A count from 1 to `max`. */
export const countField = (max: number) => z.number().int().min(1).max(max);

/** Whether to add a picture of the answer. Off by default: a picture costs a model several hundred tokens. */
export const chartField = z.enum(["none", "auto"]).default("none").describe("auto adds a picture (PNG)");

/** A row of a table: members of dimensions as text, figures as numbers, null where there is none. */
export const rowsShape = z.array(z.array(z.union([z.string(), z.number(), z.null()])));

/** The period of an answer. */
export const periodShape = z.string().describe("First and last day, UTC, both included");

/** Notes on the interpretation of the query. */
export const notesShape = z.array(z.string()).optional();
