import { z } from "zod";
import type { MaskRules } from "../../../shared/call/mask-rules.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";

import { maskFields } from "../../../shared/redact/mask-fields.ts";
import {
  companyShape,
  contactShape,
  dealShape,
  presentCompany,
  presentContact,
  presentDeal,
} from "../answers.ts";
import { writeCsv } from "../csv/format.ts";
import { CURRENCY } from "../money.ts";
import type { RecordKind, RecordRow } from "../selection.ts";

/** A contact in a file: with the two name fields that an import takes. */
const contactRow = contactShape.omit({ name: true }).extend({
  first_name: z.string().meta({ classification: "pii" }),
  last_name: z.string().meta({ classification: "pii" }),
});

/** A deal in a file: with the fields that an import takes, in addition to those that answers show. */
const dealRow = dealShape.extend({
  currency: z.string(),
  contact_id: z.string().nullable(),
  close_reason: z.string().nullable(),
});

const SHAPES = { contact: contactRow, company: companyShape, deal: dealRow } as const;

const HEADERS: Readonly<Record<RecordKind, readonly string[]>> = {
  contact: [
    ..."id first_name last_name title email phone company company_id owner last_activity version".split(" "),
  ],
  company: Object.keys(companyShape.shape),
  deal: Object.keys(dealRow.shape),
};

/**
 * Records as CSV, masked for the reader's role: every classified field is masked before it becomes text,
 * because a text line carries no classification.
 */
export function toCsv(
  kind: RecordKind,
  rows: readonly RecordRow[],
  masks: MaskRules,
  now: Date,
  withHeader: boolean,
): string {
  const headers = HEADERS[kind];
  const lines = rows.map((row) => {
    const masked = maskFields(SHAPES[kind], present(row, now), masks);
    return headers.map((name) => (masked[name] ?? null) as string | number | null);
  });
  return writeCsv(headers, lines, withHeader);
}

function present(row: RecordRow, now: Date): Record<string, JsonValue> {
  if ("stage" in row) {
    const { contact_id, close_reason } = row;
    return { ...presentDeal(row, now), currency: CURRENCY, contact_id, close_reason };
  }
  if ("domain" in row) return { ...presentCompany(row) };
  const { name: _both, ...person } = presentContact(row);
  return { ...person, first_name: row.first_name, last_name: row.last_name };
}
