import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { toDay } from "../days.ts";
import { limitField } from "../fields.ts";
import type { CrmStore } from "../store.ts";

/** Lists changes that can be undone. */
export const listChanges = defineTool({
  name: "crm_list_changes",
  title: "List changes to undo",
  effect: "read",
  scope: "crm:read",
  description:
    "Lists deletions, merges, bulk updates and imports of the last 30 days, newest first, with the id for crm_undo_change.",
  input: z.object({ limit: limitField }),
  output: z.object({
    changes: z.array(
      z.object({
        change_id: z.string(),
        kind: z.string(),
        what: z.string(),
        by: z.string(),
        date: z.string(),
        undo_until: z.string(),
        undone: z.boolean(),
      }),
    ),
  }),
  async run({ limit }, { store }: ToolContext<CrmStore>) {
    const rows = await store.journal.list(limit);
    return {
      changes: rows.map((row) => ({
        change_id: row.id,
        kind: row.kind,
        what: row.summary,
        by: row.made_by_name,
        date: toDay(row.made_at),
        undo_until: toDay(row.undo_until),
        undone: row.undone_at !== null,
      })),
    };
  },
});
