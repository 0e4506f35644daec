import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/mcp/define.ts";
import { ToolError } from "../../../shared/mcp/errors.ts";
import { idField } from "../fields.ts";
import { TOOL_OF_CHANGE } from "../store/journal.ts";
import { stampCall } from "../store/stamp.ts";
import type { CrmStore } from "../store.ts";

/** Takes a deletion or a merge back. */
export const undoChange = defineTool({
  name: "crm_undo_change",
  title: "Undo a change",
  effect: "update",
  scope: "crm:write",
  description:
    "Takes back a deletion, merge, bulk update or import within 30 days. Needs the right to make such a change. Refused when its records were changed since.",
  input: z.object({ change_id: idField("chg") }),
  output: z.object({ change_id: z.string(), rows: z.number().describe("Rows put back") }),
  async run({ change_id: id }, { store, principal, now, requireTool }: ToolContext<CrmStore>) {
    const kind = await store.journal.findKind(id);
    // Who may not delete may not decide either that a deletion was wrong.
    if (kind) requireTool(TOOL_OF_CHANGE[kind]);
    const result = await store.journal.undo(id, stampCall(principal, now));
    switch (result.outcome) {
      case "undone":
        return { change_id: id, rows: result.rows };
      case "missing":
        throw new ToolError("not_found", `No change has the id ${id}.`, {
          suggestedAction: "Look it up with crm_list_changes; changes are kept for 30 days.",
        });
      case "already":
        throw new ToolError("conflict", `Change ${id} has been undone already.`);
      case "expired":
        throw new ToolError("conflict", `Change ${id} is more than 30 days old and final.`);
      case "blocked":
        throw new ToolError(
          "conflict",
          "Something is in the way: an e-mail address is taken, a company is gone, or work has been noted on a new record.",
          { suggestedAction: "Put that right first; crm_list_changes shows later deletions." },
        );
      case "changed":
        throw new ToolError("conflict", `Changed since: ${result.ids.join(", ")}. Nothing was put back.`, {
          suggestedAction: "Put right what is wrong with the update tools instead.",
        });
    }
  },
});
