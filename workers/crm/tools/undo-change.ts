import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import type { ToolContext } from "../../../shared/server/define.ts";
import { defineLongTool, STEP_MS, STEP_PIECES } from "../../../shared/server/task-workflow.ts";
import { previewUndo, RECORDS_SHOWN } from "../changes/preview-many.ts";
import { ROWS_A_SLICE, ROWS_AT_ONCE } from "../changes/run-plan.ts";
import { idField } from "../fields.ts";
import type { ChangeKind } from "../store/change.ts";
import { TOOL_OF_CHANGE } from "../store/journal.ts";
import { stampCall } from "../store/stamp.ts";
import type { Undo } from "../store/undo.ts";
import type { CrmStore } from "../store.ts";

type Reading = Pick<ToolContext<CrmStore>, "store" | "principal" | "now">;

/** Takes a change to one or many records back. */
export const undoChange = defineLongTool({
  name: "crm_undo_change",
  title: "Undo a change",
  effect: "update",
  scope: "crm:write",
  timeoutMs: 60_000,
  description:
    "Takes back a deletion, merge, bulk update or import within 30 days. Needs the right to make such a change. Refused when its records were changed since.",
  input: z.object({
    change_id: idField("chg"),
    leave_changed: z.boolean().default(false).describe("Bulk update, import: undo the rest"),
  }),
  output: z.object({
    change_id: z.string(),
    rows: z.number().describe("Rows put back"),
    left: z.number().optional().describe("Rows left as they are"),
    remaining: z.number().optional().describe("Call again"),
  }),
  // Undoing a change requires the permission to make it.
  async needs({ change_id: id }, { store }: Pick<ToolContext<CrmStore>, "store" | "now">) {
    const change = await store.journal.describe(id);
    return change === null ? [] : [{ tool: TOOL_OF_CHANGE[change.kind], args: change.args }];
  },
  async check({ change_id: id, leave_changed: leave }, { store, principal, now }: Reading) {
    requireWhole(leave, await store.journal.describe(id));
    const obstacle = await store.journal.findObstacle(id, leave, stampCall(principal, now));
    if (obstacle !== null) throw refuseUndo(id, obstacle);
  },
  async preview({ change_id: id }, { store }: Reading) {
    return previewUndo(id, await store.journal.listRows(id, RECORDS_SHOWN));
  },
  work: {
    tasks: "optional",
    async begin({ change_id: id, leave_changed: leave }, { store, now }: ToolContext<CrmStore>) {
      const change = await store.journal.describe(id);
      requireWhole(leave, change);
      // When it began: who is told that it was undone already must not be who has just done it.
      return { state: now.toISOString(), inline: (change?.slices ?? 0) * ROWS_A_SLICE <= ROWS_AT_ONCE };
    },
    async step(
      begunAt,
      { change_id: id, leave_changed: leave },
      { store, principal, now, signal, progress },
    ) {
      const stamp = stampCall(principal, now);
      const until = Date.now() + STEP_MS;
      for (let pieces = 1; ; pieces += 1) {
        signal.throwIfAborted();
        const result = await store.journal.undoNext(id, leave, stamp);
        if (result.outcome === "already") {
          const undone = await store.journal.readUndone(id);
          const mine = undone.by === principal.userId && (undone.at ?? "") >= begunAt;
          if (mine) return { answer: describeUndone(id, undone) };
        }
        if (result.outcome !== "undone") throw refuseUndo(id, result);
        if (result.more === 0) return { answer: describeUndone(id, result) };
        const [done, total] = [(result.slices - result.more) * ROWS_A_SLICE, result.slices * ROWS_A_SLICE];
        if (pieces >= STEP_PIECES || Date.now() >= until)
          return { state: begunAt, done, total, message: "rows" };
        progress(done, total, "rows");
      }
    },
    async pause(_state, { change_id: id }, { store }) {
      const undone = await store.journal.readUndone(id);
      return { ...describeUndone(id, undone), remaining: undone.more * ROWS_A_SLICE };
    },
    async stop(_state, { change_id: id }, { store }) {
      const { rows } = await store.journal.readUndone(id);
      return rows === 0
        ? "Nothing was put back."
        : `${rows} rows were put back and stay so; the others are as the change left them. Call again to go on.`;
    },
  },
});

function requireWhole(leave: boolean, change: { kind: ChangeKind } | null): void {
  if (!leave || (change?.kind !== "delete" && change?.kind !== "merge")) return;
  throw new ToolError(
    "invalid_input",
    `A ${change.kind === "merge" ? "merge" : "deletion"} is taken back as a whole.`,
    {
      suggestedAction: "Call without leave_changed.",
    },
  );
}

function describeUndone(id: string, { rows, left }: { rows: number; left: number }) {
  return { change_id: id, rows, ...(left > 0 && { left }) };
}

function refuseUndo(id: string, result: Exclude<Undo, { outcome: "undone" }>): ToolError {
  const before = result.rows > 0 ? ` ${result.rows} rows were put back before.` : "";
  switch (result.outcome) {
    case "missing":
      return new ToolError("not_found", `No change has the id ${id}.`, {
        suggestedAction: "Look it up with crm_list_changes; changes are kept for 30 days.",
      });
    case "already":
      return new ToolError("conflict", `Change ${id} has been undone already.`);
    case "expired":
      return new ToolError("conflict", `Change ${id} is more than 30 days old and final.`);
    case "blocked":
      return new ToolError(
        "conflict",
        `Something is in the way: an e-mail address is taken, a company is gone, or work has been noted on a new record.${before}`,
        {
          suggestedAction:
            "Put that right first; crm_list_changes shows later deletions. leave_changed undoes the rest of a bulk update or an import.",
        },
      );
    case "changed":
      return new ToolError(
        "conflict",
        `Changed since: ${result.ids.join(", ")}. ${before === "" ? "Nothing was put back." : before.trim()}`,
        {
          suggestedAction:
            "Put right what is wrong with the update tools, or undo the rest of a bulk update or an import with leave_changed.",
        },
      );
  }
}
