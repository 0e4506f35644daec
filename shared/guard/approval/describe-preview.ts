import type { PreviewedChange } from "../../call/proposal.ts";
import { maskStored } from "../../redact/mask-stored.ts";
import { toDisplayText } from "../../text/display-text.ts";

/** Limits of the preview on a page: records, fields per record, characters per value. */
const [MOST_RECORDS, MOST_FIELDS, LONGEST] = [20, 30, 300];

/** The preview of a call, cut to the page's limits and without secrets. */
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
