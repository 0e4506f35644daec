import { z } from "zod";
import { ToolError } from "../../shared/call/tool-error.ts";
import { type IdKind, isId } from "./identifiers.ts";
import { readDomain } from "./identity/read-domain.ts";
import { type Reading, readEmail } from "./identity/read-email.ts";
import { cleanPhone, isPhone } from "./identity/read-phone.ts";
import { hasWholeCents, LARGEST_AMOUNT, PART_OF_A_CENT } from "./money.ts";
import { STAGES } from "./stages.ts";

/** Input fields that several tools share: one limit, one message, one description each. */

const SOURCES: Record<IdKind, string> = {
  con: "a contact id from crm_find_contacts",
  cmp: "a company id from crm_find_companies",
  deal: "a deal id from crm_list_deals",
  act: "an activity id",
  task: "a task id from crm_list_tasks",
  own: "an owner id",
  chg: "a change id from crm_list_changes",
  plan: "the confirm of a preview",
  exp: "a kept export",
};

/** An id of one kind. */
export function idField(kind: IdKind): z.ZodString {
  return z
    .string()
    .max(60)
    .refine((text) => isId(kind, text), `Expected ${SOURCES[kind]}; it begins with "${kind}_".`)
    .describe(capitalize(SOURCES[kind]));
}

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** One line of text between 1 and `max` characters, without control characters. */
export function lineField(max: number): z.ZodString {
  return z
    .string()
    .trim()
    .min(1)
    .max(max)
    .refine((text) => !/\p{Cc}/u.test(text), "Control characters and line breaks are not allowed.");
}

/** A person's e-mail address, in any pasted form; stored as {@link readEmail} returns it. */
export const emailField = z
  .string()
  .trim()
  .max(320)
  .transform((text, context) => useReading(readEmail(text), context))
  .pipe(z.string())
  .meta({ classification: "pii", description: "E-mail address" });

/** A web domain, in any pasted form; stored as {@link readDomain} returns it. */
const domainField = lineField(260)
  .transform((text, context) => useReading(readDomain(text), context))
  .pipe(z.string())
  .describe("Web domain");

/** A telephone number in any common form, also with an extension. */
export const phoneField = z
  .string()
  .max(60)
  .transform((text, context) => {
    const phone = text
      .replace(/^\s*tel:/i, "")
      .replace(/\p{Default_Ignorable_Code_Point}/gu, "")
      .trim();
    const problem =
      "Expected 5 to 30 digits, with spaces, + ( ) . / - between them and an extension such as x12 at most.";
    return useReading(isPhone(cleanPhone(phone)) ? { value: phone } : { problem }, context);
  })
  .pipe(z.string())
  .meta({ classification: "pii", description: "Telephone number" });

function useReading(reading: Reading, context: z.RefinementCtx): string {
  if ("value" in reading) return reading.value;
  context.addIssue({ code: "custom", message: reading.problem });
  return z.NEVER;
}

/** A part of a person's name. */
export const nameField = lineField(100).meta({ classification: "pii" });

/** A calendar day in UTC. */
export const dayField = z.string().refine(isDay, "Expected a day as YYYY-MM-DD.").describe("YYYY-MM-DD");

/** A stage of the pipeline. */
export const stageField = z.enum(STAGES);

/** An amount of money in currency units, shared by tools and files. */
export const amountField = z
  .number()
  .min(0)
  .max(LARGEST_AMOUNT)
  .refine(hasWholeCents, `Expected an amount ${PART_OF_A_CENT}, such as 1200.50.`);

/** Owner filter: a person, the caller, or everyone. */
export const ownerField = lineField(100).describe('"me", a name, e-mail or id; "any": everyone');

/** A region of companies. */
export const regionField = lineField(40).describe('Such as "Europe"; "any": all');

/** What companies are filed under apart from their region, as a filter. */
export const placeFields = {
  country: lineField(100).optional().describe("Country of the company"),
  city: lineField(100).optional().describe("City of the company"),
  industry: lineField(100).optional().describe("Industry of the company"),
};

/** What is known about a company, as both of its writes take it. */
export const companyFields = {
  domain: domainField.optional(),
  industry: lineField(100).optional().describe("Industry"),
  region: lineField(40).optional().describe('Region such as "Europe"'),
  city: lineField(100).optional().describe("City"),
  country: lineField(100).optional().describe("Country"),
  employees: z.number().int().min(1).max(10_000_000).optional().describe("Number of employees"),
  phone: phoneField.optional(),
};

/** Rows per page. */
export const limitField = z.number().int().min(1).max(50).default(10).describe("Rows on a page");

/** Start of the next page. */
export const cursorField = z.string().max(500).describe("next_cursor of the page before");

export { idempotencyField } from "../../shared/server/idempotency.ts";

/** The version that the caller has read. */
export const versionField = z.number().int().min(1).describe("Version you read");

/** Converts a day, or a time with its offset, to an ISO time in UTC. Throws `invalid_input`. */
export function parseTime(text: string): string {
  const shaped = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text);
  const time = new Date(shaped && isDay(text.slice(0, 10)) ? text : Number.NaN);
  if (Number.isNaN(time.getTime())) {
    throw new ToolError(
      "invalid_input",
      "Expected a day (2026-05-31) or a time with its offset (2026-05-31T14:00:00Z).",
    );
  }
  return time.toISOString();
}

function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const time = new Date(`${text}T00:00:00Z`);
  // `Date` rejects or shifts a day that does not exist, such as February 30th.
  return !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text);
}
