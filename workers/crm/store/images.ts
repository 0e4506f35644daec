/** The tables whose rows a change may touch, parents first, with the columns of an image in sequence. */
export const IMAGES = {
  companies: columns(
    "name domain industry region city country employees phone owner_id last_activity_at version",
    "updated_at updated_by updated_by_name",
  ),
  contacts: columns(
    "company_id first_name last_name title email phone owner_id last_activity_at version",
    "updated_at updated_by updated_by_name",
  ),
  deals: columns(
    "name company_id contact_id owner_id region stage amount_cents expected_close_on stage_since closed_at",
    "close_reason last_activity_at version updated_at updated_by updated_by_name",
  ),
  deal_stage_history: [
    ..."deal_id from_stage to_stage reason changed_at changed_by changed_by_name seconds_in_stage".split(" "),
  ],
  activities: columns("kind subject body occurred_at company_id contact_id deal_id", ""),
  tasks: columns("title due_on done_at owner_id company_id contact_id deal_id", ""),
} as const satisfies Record<string, readonly string[]>;

/** A table whose rows can be changed reversibly. */
export type JournalTable = keyof typeof IMAGES;

/** Days for which a change can be undone. */
export const UNDO_DAYS = 30;

function columns(first: string, rest: string): readonly string[] {
  const all = `id ${first} created_at created_by created_by_name ${rest}`;
  return all.trim().split(/ +/);
}

/** The key column of a table's images. */
export function keyOf(table: JournalTable): string {
  return table === "deal_stage_history" ? "deal_id" : "id";
}
