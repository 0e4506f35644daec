import { z } from "zod";
import type { PrincipalIdentity } from "../../shared/auth/principal.ts";
import { ToolError } from "../../shared/mcp/errors.ts";
import { nameContact } from "./answers.ts";
import { dayField, idField, lineField, ownerField } from "./fields.ts";
import { requireCompany } from "./refusals.ts";
import { resolveOwner } from "./resolve.ts";
import type { RecordKind, RecordRow } from "./selection.ts";
import type { BulkValue } from "./store/bulk.ts";
import type { VersionedTable } from "./store/versioned.ts";
import type { CrmStore } from "./store.ts";

const line = lineField(120).nullable().optional();

/**
 * What a bulk update may set. Not a stage: each move has rules and approvals of its own. Not what tells two records
 * apart, such as names and addresses.
 */
export const setField = z.strictObject({
  owner: ownerField.nullable().optional(),
  title: line,
  company_id: idField("cmp").nullable().optional(),
  industry: line,
  region: line,
  city: line,
  country: line,
  expected_close: dayField.optional(),
});

type FieldName = keyof z.output<typeof setField>;

/** For each kind of record, the column of a field, and the column that shows it to people. */
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

/** Where records of a kind are stored. */
export const TABLE_OF: Readonly<Record<RecordKind, VersionedTable>> = {
  contact: "contacts",
  company: "companies",
  deal: "deals",
};

/** The one change of a bulk update, ready to be made. */
export interface BulkChange extends BulkValue {
  field: FieldName;
  /** The new value as people read it. */
  shown: string | null;
  /** Whether a row has the value already. */
  isSet(row: RecordRow): boolean;
  /** The present value of a row as people read it. */
  showBefore(row: RecordRow): string | null;
}

/** Reads the one change that a caller wants. Throws `invalid_input` for none, several, or one that the kind lacks. */
export async function readChange(
  { store, principal }: { store: CrmStore; principal: PrincipalIdentity },
  kind: RecordKind,
  set: z.output<typeof setField>,
): Promise<BulkChange> {
  const named = (Object.keys(set) as FieldName[]).filter((name) => set[name] !== undefined);
  const [field] = named;
  const columns = field && COLUMNS[kind][field];
  if (!field || !columns || named.length > 1) {
    throw new ToolError("invalid_input", `Set exactly one field of a ${kind} at a time.`, {
      suggestedAction: `A ${kind} has: ${Object.keys(COLUMNS[kind]).join(", ")}.`,
    });
  }
  const [column, display] = columns;
  const { value, shown } = await resolveValue(store, principal, field, set[field] ?? null);
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
  if (given === null) return { value: null, shown: null };
  if (field === "owner") {
    const owner = await resolveOwner(store, principal, given);
    if (!owner) throw new ToolError("invalid_input", 'Name one owner, or null for none; "any" is no owner.');
    return { value: owner.id, shown: owner.name };
  }
  if (field === "company_id") return { value: given, shown: (await requireCompany(store, given)).name };
  return { value: given, shown: given };
}

/** What people call a record. */
export function nameRecord(row: RecordRow): string {
  return "first_name" in row ? nameContact(row) : row.name;
}
