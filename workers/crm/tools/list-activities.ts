import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { toDay } from "../days.ts";
import { cursorField, limitField } from "../fields.ts";
import { isId } from "../identifiers.ts";
import { requireCompany, requireContact, requireDeal } from "../refusals.ts";
import { ACTIVITY_KINDS, type ActivityPosition } from "../store/activities.ts";
import type { CrmStore } from "../store.ts";

const position: z.ZodType<ActivityPosition> = z.object({
  at: z.string().max(40),
  seq: z.number().int().min(0),
});

/** Lists activities, with their text. */
export const listActivities = defineTool({
  name: "crm_list_activities",
  title: "List activities",
  effect: "read",
  scope: "crm:read",
  description:
    "Lists calls, meetings, e-mails and notes of a company, contact or deal, newest first, with their text.",
  input: z.object({
    of: z
      .string()
      .max(60)
      .refine(
        (id) => isId("cmp", id) || isId("con", id) || isId("deal", id),
        "Expected a cmp_, con_ or deal_ id.",
      )
      .describe("Company, contact or deal id"),
    limit: limitField,
    cursor: cursorField.optional(),
  }),
  output: z.object({
    activities: z.array(
      z.object({
        id: z.string(),
        kind: z.enum(ACTIVITY_KINDS),
        date: z.string(),
        subject: z.string(),
        text: z.string().nullable(),
        by: z.string(),
        contact_id: z.string().nullable(),
        deal_id: z.string().nullable(),
      }),
    ),
    next_cursor: z.string().optional(),
  }),
  overflow: "activities",
  async run({ of: id, limit, cursor }, { store, cursors }: ToolContext<CrmStore>) {
    const pages = cursors(["activities", id], position);
    const after = await pages.read(cursor);
    const page = await store.activities.list({ column: await findColumn(store, id), id }, limit, after);
    return {
      activities: page.rows.map((row) => ({
        id: row.id,
        kind: row.kind,
        date: toDay(row.occurred_at),
        subject: row.subject,
        text: row.body,
        by: row.created_by_name,
        contact_id: row.contact_id,
        deal_id: row.deal_id,
      })),
      next_cursor: await pages.write(page.next),
    };
  },
});

/** Throws for an unknown id, which must not look like an empty history. */
async function findColumn(store: CrmStore, id: string): Promise<"company_id" | "contact_id" | "deal_id"> {
  if (isId("cmp", id)) {
    await requireCompany(store, id);
    return "company_id";
  }
  if (isId("con", id)) {
    await requireContact(store, id);
    return "contact_id";
  }
  await requireDeal(store, id);
  return "deal_id";
}
