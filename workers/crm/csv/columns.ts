import { z } from "zod";
import {
  amountField,
  companyFields,
  dayField,
  emailField,
  lineField,
  nameField,
  ownerField,
  phoneField,
} from "../fields.ts";
import { CURRENCY, PART_OF_A_CENT } from "../money.ts";
import { OPEN_STAGES, type Stage } from "../stages.ts";

/** Kinds of records that a file can contain. */
export const IMPORTED = ["contact", "company", "deal"] as const;

/** A kind of records that a file can contain. */
export type ImportKind = (typeof IMPORTED)[number];

/** Output of {@link readNumber}: `250.0` is a whole number, and `1.5` is not. */
const employees = z
  .string()
  .regex(/^\d{1,9}(?:\.0*)?$/, "Expected one whole number, such as 250.")
  .transform(Number)
  .pipe(z.number().int().min(1, "Expected a number from 1 up.").max(10_000_000));

const stage = z
  .string()
  .toLowerCase()
  .refine(
    (text) => (OPEN_STAGES as readonly string[]).includes(text),
    `Expected one of ${OPEN_STAGES.join(", ")}: a deal comes in open, and crm_move_deal closes it by its rules.`,
  )
  .transform((text) => text as Stage);

/** Output of {@link readNumber}. */
const amount = z
  .string()
  .regex(
    /^\d{1,13}(\.\d{1,2})?$/,
    `Expected an amount such as 1200 or 1200.50: write it without a sign, and ${PART_OF_A_CENT}.`,
  )
  .transform(Number)
  .pipe(amountField);

const currency = z
  .string()
  .toUpperCase()
  .refine((text) => text === CURRENCY || text === "$", `Amounts are kept in ${CURRENCY}: convert this one.`);

/** Schema of a row of each kind; every cell is text. */
export const ROWS = {
  contact: z.object({
    id: lineField(60).optional(),
    // A single name is a last name.
    first_name: nameField.default(""),
    last_name: nameField,
    /** Full name in one cell. */
    name: z.string().optional(),
    email: emailField.optional(),
    phone: phoneField.optional(),
    title: lineField(120).optional(),
    company: lineField(260).optional(),
    owner: ownerField.optional(),
  }),
  company: z.object({
    id: lineField(60).optional(),
    name: lineField(200),
    ...companyFields,
    employees: employees.optional(),
    owner: ownerField.optional(),
  }),
  deal: z.object({
    id: lineField(60).optional(),
    name: lineField(200),
    company: lineField(260),
    amount,
    currency: currency.optional(),
    stage: stage.optional(),
    expected_close: dayField,
    owner: ownerField.optional(),
    contact: lineField(254).optional(),
  }),
} as const;

/** A checked row of a file. */
export type ImportRow<Kind extends ImportKind = ImportKind> = z.output<(typeof ROWS)[Kind]>;

/**
 * Fields that a column can map to. `name` of a contact is split into first and last name; an id takes
 * precedence over a name of the company or contact.
 */
export const FIELDS: Readonly<Record<ImportKind, readonly string[]>> = {
  contact: [...Object.keys(ROWS.contact.shape), "company_id"],
  company: Object.keys(ROWS.company.shape),
  deal: [...Object.keys(ROWS.deal.shape), "company_id", "contact_id"],
};

/** Synonyms of the fields in files of other systems; letters and digits only, in lower case. */
const SYNONYMS: Readonly<Record<ImportKind, Readonly<Record<string, readonly string[]>>>> = {
  contact: {
    first_name: ["first", "givenname", "forename", "vorname", "prenom"],
    last_name: ["last", "surname", "familyname", "nachname", "nom"],
    name: ["fullname", "contact", "contactname", "person"],
    email: ["mail", "emailaddress", "workemail", "email1value", "emailadresse"],
    phone: ["telephone", "tel", "phonenumber", "mobile", "mobilephone", "workphone", "telefon"],
    title: ["jobtitle", "position", "role", "function", "jobposition"],
    company: ["companyname", "account", "accountname", "organization", "organisation", "employer", "firma"],
    owner: ["contactowner", "accountowner", "salesrep", "owneremail", "ownername", "assignedto"],
  },
  company: {
    name: ["company", "companyname", "account", "accountname", "organization", "organisation", "firma"],
    domain: ["website", "web", "url", "homepage", "companydomain", "companydomainname", "webdomain"],
    industry: ["sector", "branche", "vertical"],
    region: ["territory", "salesregion"],
    city: ["town", "billingcity", "ort", "stadt"],
    country: ["countryregion", "billingcountry", "land"],
    employees: ["numberofemployees", "headcount", "companysize", "staff", "noofemployees"],
    phone: ["telephone", "tel", "phonenumber", "telefon"],
    owner: ["companyowner", "accountowner", "salesrep", "owneremail", "ownername", "assignedto"],
  },
  deal: {
    id: ["dealid"],
    name: ["deal", "dealname", "opportunity", "opportunityname", "title", "subject", "geschaft"],
    company: [
      "companyname",
      "account",
      "accountname",
      "customer",
      "organization",
      "organisation",
      "firma",
      "kunde",
    ],
    amount: ["value", "dealvalue", "dealamount", "volume", "betrag", "summe"],
    currency: ["currencycode", "currencyisocode", "wahrung"],
    stage: ["dealstage", "phase", "status", "pipelinestage", "stufe"],
    expected_close: ["closedate", "closingdate", "expectedclosedate", "expectedclosingdate", "abschluss"],
    owner: ["dealowner", "opportunityowner", "salesrep", "owneremail", "ownername", "assignedto", "besitzer"],
    contact: ["contactemail", "primarycontact", "contactperson"],
  },
};

/** The field of each column of a file, or `null` for columns that are ignored. */
export type ColumnMapping = readonly (string | null)[];

/**
 * Maps each column to a field: the caller's choice, then the field's own name, then its synonyms. The first
 * column of a field is used; later ones are ignored. `unknown` are names in `given` that the file does not
 * have.
 */
export function mapColumns(
  kind: ImportKind,
  headers: readonly string[],
  given: Readonly<Record<string, string>>,
): { mapping: ColumnMapping; unknown: string[] } {
  const mapping: (string | null)[] = headers.map(() => null);
  const taken = new Set<string>();
  const assign = (find: (header: string) => string | undefined) => {
    for (const [index, header] of headers.entries()) {
      const field = mapping[index] === null ? find(header) : undefined;
      if (field === undefined || taken.has(field)) continue;
      mapping[index] = field;
      taken.add(field);
    }
  };
  const wanted = new Map(
    Object.entries(given).map(([header, field]) => [header.trim().toLowerCase(), field]),
  );
  assign((header) => wanted.get(header.toLowerCase()));
  const named = (header: string) => FIELDS[kind].find((field) => fold(field) === fold(header));
  assign((header) => (wanted.has(header.toLowerCase()) ? undefined : named(header)));
  const synonyms = Object.entries(SYNONYMS[kind]);
  assign((header) => synonyms.find(([, words]) => words.includes(fold(header)))?.[0]);
  const known = new Set(headers.map((header) => header.toLowerCase()));
  return { mapping, unknown: [...wanted.keys()].filter((header) => !known.has(header)) };
}

function fold(text: string): string {
  return text
    .normalize("NFD")
    .toLowerCase()
    .replace(/[^a-z0-9]/g, "");
}
