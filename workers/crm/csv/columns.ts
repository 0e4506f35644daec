import { z } from "zod";
import { companyFields, emailField, lineField, nameField, ownerField, phoneField } from "../fields.ts";

/** Kinds of record that a file can bring. */
export const IMPORTED = ["contact", "company"] as const;

/** A kind of record that a file can bring. */
export type ImportKind = (typeof IMPORTED)[number];

const employees = z
  .string()
  .regex(/^[\d.,' ]{1,14}$/, "Expected a whole number.")
  .transform((text) => Number(text.replace(/[.,' ]/g, "")))
  .pipe(z.number().int().min(1).max(10_000_000));

/** What one row of each kind holds, cell by cell; every cell is text. */
export const ROWS = {
  contact: z.object({
    first_name: nameField,
    last_name: nameField,
    email: emailField.optional(),
    phone: phoneField.optional(),
    title: lineField(120).optional(),
    company: lineField(260).optional(),
    owner: ownerField.optional(),
  }),
  company: z.object({
    name: lineField(200),
    ...companyFields,
    employees: employees.optional(),
    owner: ownerField.optional(),
  }),
} as const;

/** A checked row of a file. */
export type ImportRow<Kind extends ImportKind = ImportKind> = z.output<(typeof ROWS)[Kind]>;

/** Fields that a column can be read into; `name` of a contact is split into its two. */
export const FIELDS: Readonly<Record<ImportKind, readonly string[]>> = {
  contact: [...Object.keys(ROWS.contact.shape), "name"],
  company: Object.keys(ROWS.company.shape),
};

/** Other words for the fields, as files of other systems have them; letters and digits only, in lower case. */
const SYNONYMS: Readonly<Record<ImportKind, Readonly<Record<string, readonly string[]>>>> = {
  contact: {
    first_name: ["first", "givenname", "forename", "vorname", "prenom"],
    last_name: ["last", "surname", "familyname", "nachname", "nom"],
    name: ["fullname", "contact", "contactname", "person"],
    email: ["mail", "emailaddress", "workemail", "email1value", "emailadresse"],
    phone: ["telephone", "tel", "phonenumber", "mobile", "mobilephone", "workphone", "telefon"],
    title: ["jobtitle", "position", "role", "function", "jobposition"],
    company: [
      "companyid",
      "companyname",
      "account",
      "accountname",
      "organization",
      "organisation",
      "employer",
      "firma",
    ],
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
};

/** How the columns of a file are read: the field of each, or `null` for those that are not. */
export type ColumnMapping = readonly (string | null)[];

/**
 * Finds the field of each column: what the caller says, then the field's own name, then other words for it. A field is
 * filled by one column; later ones are not read. `unknown` are names in `given` that the file does not have.
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
