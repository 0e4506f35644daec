import { z } from "zod";
import type { PrincipalIdentity } from "../../../shared/call/principal.ts";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { parseArguments } from "../../../shared/server/schema.ts";
import { nameContact } from "../answers.ts";
import { dayField } from "../fields.ts";
import { requireCompany } from "../refusals.ts";
import { resolveOwner } from "../resolve.ts";
import type { RecordKind, RecordRow } from "../selection.ts";
import type { BulkValue } from "../store/bulk.ts";
import type { VersionedTable } from "../store/versioned.ts";
import type { CrmStore } from "../store.ts";

/**
 * Fields that a bulk update can set. The stage is excluded: each move has rules and approvals of its own.
 * Fields that identify a record, such as names and addresses, are excluded too.
 */
export const BULK_FIELDS = [
  "owner",
  "title",
  "company_id",
  "industry",
  "region",
  "city",
  "country",
  "expected_close",
] as const;

/** A closing day cannot be cleared. */
const day = z.object({ value: dayField });

type FieldName = (typeof BULK_FIELDS)[number];

/** For each kind of record, the column of a field, and the column with its display value. */
const COLUMNS: Readonly<Record<RecordKind, Partial<Record<FieldName, readonly [string, string]>>>> = {
  contact: {
    owner: ["owner_id", "owner_name"],
    title: ["title", "title"],
    company_id: ["company_id", "company_name"],
  },
  company: {
    owner: ["owner_id", "owner_name"],
    industry: ["industry", "industry"],
    region: ["region", "region"],
    city: ["city", "city"],
    country: ["country", "country"],
  },
  deal: {
    owner: ["owner_id", "owner_name"],
    expected_close: ["expected_close_on", "expected_close_on"],
  },
};

/** The table of each kind of record. */
export const TABLE_OF: Readonly<Record<RecordKind, VersionedTable>> = {
  contact: "contacts",
  company: "companies",
  deal: "deals",
};

/** The change of a bulk update, ready to apply. */
export interface BulkChange extends BulkValue {
  field: FieldName;
  /** The new value for display. */
  shown: string | null;
  /** Whether a row already has the value. */
  isSet(row: RecordRow): boolean;
  /** The current value of a row for display. */
  showBefore(row: RecordRow): string | null;
}

/**
 * Parses the change that a caller requests. Throws `invalid_input` for a field or a value that the kind does
 * not accept.
 */
export async function readChange(
  { store, principal }: { store: CrmStore; principal: PrincipalIdentity },
  kind: RecordKind,
  field: FieldName,
  given: string | null,
): Promise<BulkChange> {
  const columns = COLUMNS[kind][field];
  if (!columns) {
    throw new ToolError("invalid_input", `A ${kind} has no ${field} to set.`, {
      suggestedAction: `A ${kind} has: ${Object.keys(COLUMNS[kind]).join(", ")}.`,
    });
  }
  const [column, display] = columns;
  const { value, shown } = await resolveValue(store, principal, field, given);
  const read = (row: RecordRow, name: string) =>
    (row as unknown as Readonly<Record<string, string | null>>)[name] ?? null;
  return {
    table: TABLE_OF[kind],
    column,
    value,
    field,
    shown,
    isSet: (row) => read(row, column) === value,
    showBefore: (row) => read(row, display),
  };
}

async function resolveValue(
  store: CrmStore,
  principal: PrincipalIdentity,
  field: FieldName,
  given: string | null,
): Promise<{ value: string | null; shown: string | null }> {
  if (field === "expected_close") return plain(parseArguments(day, { value: given }).value);
  if (given === null) return plain(null);
  if (field === "owner") {
    const owner = await resolveOwner(store, principal, given);
    if (!owner) throw new ToolError("invalid_input", 'Name one owner, or null for none; "any" is no owner.');
    return { value: owner.id, shown: owner.name };
  }
  if (field === "company_id") return { value: given, shown: (await requireCompany(store, given)).name };
  return plain(given);
}

function plain(value: string | null) {
  return { value, shown: value };
}

/** Display name of a record. */
export function nameRecord(row: RecordRow): string {
  return "first_name" in row ? nameContact(row) : row.name;
}
