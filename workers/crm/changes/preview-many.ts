import type { PreviewedChange, PreviewedField } from "../../../shared/call/proposal.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { nameContact } from "../answers.ts";
import type { ImportKind } from "../csv/columns.ts";
import type { ImportPlan } from "../csv/plan-import.ts";
import type { RecordRow } from "../selection.ts";
import { IMAGES } from "../store/images.ts";
import type { ChangedRow } from "../store/journal.ts";
import type { VersionedTable } from "../store/versioned.ts";
import { previewCompany, previewContact, previewDeal } from "./preview.ts";

/** Records that a preview of a change to many names; its first entry says how many there are. */
export const RECORDS_SHOWN = 15;

/** Columns of people that are personal data. */
const PERSONAL: ReadonlySet<string> = new Set(["first_name", "last_name", "email", "phone"]);

const NOUNS = { contacts: "contact", companies: "company", deals: "deal" } as const;

/** Columns that say when and by whom, and not what. */
const STAMPS = /^(id|version|last_activity_at|stage_since|(created|updated)_(at|by|by_name))$/;

/** The first entry: how many records of which kind a change is about, and what becomes of how many. */
export function previewTotal(
  id: string,
  label: string,
  counts: Readonly<Record<string, number | string>>,
): PreviewedChange {
  const fields = Object.entries(counts).map(([name, count]) => ({ name, from: null, to: String(count) }));
  return { record: { type: "records", id, label }, fields };
}

/** One record that is on file, with the fields that would change. */
export function previewRecord(row: RecordRow, fields: readonly PreviewedField[]): PreviewedChange {
  if ("stage" in row) return previewDeal(row, fields);
  return "domain" in row ? previewCompany(row, fields) : previewContact(row, fields);
}

/** What an import would do: how many rows would be new and changed, and the first of both. */
export function previewImport(
  kind: ImportKind,
  plan: ImportPlan,
  known: readonly RecordRow[],
): PreviewedChange[] {
  const byId = new Map(known.map((row) => [row.id, row]));
  const updates = plan.update.slice(0, RECORDS_SHOWN).flatMap(({ id, values }) => {
    const row = byId.get(id);
    return row ? [previewRecord(row, previewValues(values, { ...row }))] : [];
  });
  const created = plan.create.slice(0, RECORDS_SHOWN - updates.length).map(({ row, values }) => ({
    record: { type: kind, id: `row ${row}`, label: nameValues(values), classification: "pii" as const },
    fields: previewValues(values, {}),
  }));
  const counts = {
    "new records": plan.create.length,
    "changed records": plan.update.length,
    "rows left as they are": plan.skip.length,
    "rows with problems": plan.problems.length,
  };
  return [previewTotal("import", `${kind} records from a file`, counts), ...updates, ...created];
}

/** What taking a change back would do: how many records it is about, and the first of them as they would be. */
export function previewUndo(
  id: string,
  { rows, total }: { rows: readonly ChangedRow[]; total: number },
): PreviewedChange[] {
  return [
    previewTotal(id, `${total} rows of the change`, { "rows put back": total }),
    ...rows.map(previewRow),
  ];
}

function previewRow({ table, id, before, after }: ChangedRow): PreviewedChange {
  const was = readImage(table, before);
  const is = readImage(table, after);
  const named = was ?? is ?? {};
  const record = {
    type: NOUNS[table],
    ...{ id, label: nameValues(named) },
    ...(table === "contacts" && { classification: "pii" as const }),
  };
  if (was === null) return { record, fields: [{ name: "record", from: "on file", to: "removed" }] };
  if (is === null) return { record, fields: [{ name: "record", from: "deleted", to: "on file" }] };
  return { record, fields: previewValues(was, is).filter(({ from, to }) => from !== to) };
}

function readImage(table: VersionedTable, image: string | null): Record<string, JsonValue> | null {
  const values = image === null ? null : (JSON.parse(image) as JsonValue[] | null);
  return values && Object.fromEntries(IMAGES[table].map((name, index) => [name, values[index] ?? null]));
}

function previewValues(
  values: Readonly<Record<string, unknown>>,
  current: Readonly<Record<string, unknown>>,
): PreviewedField[] {
  const text = (value: unknown) => (value === null || value === undefined ? null : String(value));
  return Object.entries(values)
    .filter(([name, value]) => value !== undefined && !STAMPS.test(name))
    .map(([name, value]) => ({
      ...{ name, from: text(current[name]), to: text(value) },
      ...(PERSONAL.has(name) && { classification: "pii" as const }),
    }));
}

function nameValues({ name, first_name, last_name }: Readonly<Record<string, unknown>>): string {
  if (first_name === undefined) return String(name ?? "");
  return nameContact({ first_name: String(first_name), last_name: String(last_name ?? "") });
}
