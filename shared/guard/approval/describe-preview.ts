import type { PreviewedChange } from "../../call/proposal.ts";
import { maskStored } from "../../redact/mask-stored.ts";
import { toDisplayText } from "../../text/display-text.ts";

/** Most records, and fields of each, that a page shows of what a call would change, and characters of each value. */
const [MOST_RECORDS, MOST_FIELDS, LONGEST] = [20, 30, 300];

/** What a call would change, cut to what a page shows and without secrets. */
export function describePreview(preview: readonly PreviewedChange[]): PreviewedChange[] {
  const text = (value: string | null) => (value === null ? null : toDisplayText(value, LONGEST));
  return preview.slice(0, MOST_RECORDS).map(({ record, owner, amount, fields }) => ({
    record: { ...record, label: record.classification === "secret" ? "" : cleaned(record.label) },
    ...(owner !== undefined && { owner: maskStored(text(owner)) }),
    ...(amount !== undefined && { amount: maskStored(text(amount)) }),
    fields: fields
      .filter(({ classification }) => classification !== "secret")
      .slice(0, MOST_FIELDS)
      .map((field) => ({ ...field, from: maskStored(text(field.from)), to: maskStored(text(field.to)) })),
  }));
}

function cleaned(label: string): string {
  return maskStored(toDisplayText(label, LONGEST));
}
