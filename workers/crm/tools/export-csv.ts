import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import type { ToolContext } from "../../../shared/server/define.ts";
import { defineLongTool, STEP_MS, STEP_PIECES } from "../../../shared/server/task-workflow.ts";
import { toCsv } from "../export/export.ts";
import { exportUri, keptUri } from "../export/export-resource.ts";
import { EXPORT_KEPT_HOURS, type KeptExport } from "../export/kept-exports.ts";
import { cursorField } from "../fields.ts";
import { isId, makeId } from "../identifiers.ts";
import { positionField, RECORDS, selectRecords, whereField } from "../selection.ts";
import { stampCall } from "../store/stamp.ts";
import type { CrmStore } from "../store.ts";

const inputShape = z.object({
  record: z.enum(RECORDS).describe("Kind"),
  where: whereField.default({}),
  whole: z.boolean().default(false).describe(`Everything as one file, kept ${EXPORT_KEPT_HOURS} hours`),
  limit: z.number().int().min(1).max(100).default(50).describe("Rows on a page"),
  cursor: cursorField.optional(),
});

type Input = z.output<typeof inputShape>;

/** Rows per part of a file: a stored value has at most 2 MB, and a row of the longest texts 3 KB. */
const ROWS_A_PART = 500;

/** Cursor of a kept export. */
const keptCursor = z.object({ file: z.string().refine((text) => isId("exp", text)) });

/** Exports records as CSV: page by page, or whole in a kept file. */
export const exportCsv = defineLongTool({
  name: "crm_export_csv",
  title: "Export CSV",
  effect: "read",
  scope: "crm:read",
  timeoutMs: 60_000,
  description:
    "Exports contacts, companies or deals as CSV: a page here, everything under the linked resource, or one file with whole. Formulas are defused and fields masked as your role sees them.",
  input: inputShape,
  output: z.object({
    csv: z.string().meta({ classification: "public" }).optional(),
    rows: z.number(),
    all: z.string().describe("Resource with everything"),
    kept_until: z.string().optional(),
    next_cursor: z.string().optional(),
  }),
  content: ({ all }) => [{ type: "resource_link", uri: all, name: "Whole export", mimeType: "text/csv" }],
  work: {
    tasks: "optional",
    async begin(input, context: ToolContext<CrmStore>) {
      const { record, where, whole, limit, cursor } = input;
      const { store, principal, now } = context;
      const question = ask(input);
      if (whole) {
        const id = (await context.cursors(question, keptCursor).read(cursor))?.file ?? makeId("exp");
        if (cursor === undefined) {
          await store.keptExports.create(id, question, seesOf(store), stampCall(principal, now));
        }
        const first = await exportNext(input, context, await requireKept(input, context, id));
        return { state: { file: id }, inline: first.complete };
      }
      const pages = context.cursors(question, positionField);
      const after = await pages.read(cursor);
      const page = await selectRecords(context, record, where, limit, after);
      return {
        answer: {
          csv: toCsv(record, page.rows, store.masks, now, after === undefined),
          rows: page.rows.length,
          all: exportUri(record, where),
          next_cursor: await pages.write(page.next),
        },
      };
    },
    async step(state, input, context) {
      const until = Date.now() + STEP_MS;
      let kept = await requireKept(input, context, state.file);
      for (let pieces = 0; !kept.complete && pieces < STEP_PIECES && Date.now() < until; pieces += 1) {
        context.signal.throwIfAborted();
        kept = await exportNext(input, context, kept);
        context.progress(kept.rows, undefined, "rows");
      }
      if (kept.complete) return { answer: describeKept(kept) };
      return { state, done: kept.rows, message: "rows" };
    },
    async pause({ file }, input, context) {
      const kept = await requireKept(input, context, file);
      const next_cursor = await context.cursors(ask(input), keptCursor).write({ file });
      return { ...describeKept(kept), next_cursor };
    },
    async stop({ file }, _input, { store, principal, now }) {
      await store.keptExports.remove(file, stampCall(principal, now));
      return "The unfinished file was deleted.";
    },
  },
});

function ask({ record, where, whole }: Input): string {
  return JSON.stringify(["export", record, where, ...(whole ? ["whole"] : [])]);
}

function seesOf({ masks }: CrmStore): string {
  return JSON.stringify(masks);
}

/** Appends the next rows to a file. */
async function exportNext({ record, where }: Input, context: ToolContext<CrmStore>, kept: KeptExport) {
  const { store, now } = context;
  if (kept.complete) return kept;
  const after = kept.position === null ? undefined : positionField.parse(kept.position);
  const page = await selectRecords(context, record, where, ROWS_A_PART, after);
  const text = toCsv(record, page.rows, store.masks, now, kept.parts === 0);
  await store.keptExports.add(kept, text, page.rows.length, page.next ? { ...page.next } : null);
  return (await store.keptExports.read(kept.id, stampCall(context.principal, now))) ?? kept;
}

/** The user's kept file. Throws `not_found`, and `conflict` once their role sees other fields. */
async function requireKept(input: Input, { store, principal, now }: ToolContext<CrmStore>, id: string) {
  const kept = await store.keptExports.read(id, stampCall(principal, now));
  if (kept?.question !== ask(input)) {
    throw new ToolError("not_found", "There is no such unfinished export.", {
      suggestedAction: "Call again without cursor.",
    });
  }
  if (kept.masks === seesOf(store)) return kept;
  throw new ToolError("conflict", "Your role is shown other things than when this export began.", {
    suggestedAction: "Call again without cursor: a new file is made for what you see now.",
  });
}

function describeKept({ id, rows, madeAt }: KeptExport) {
  const end = new Date(Date.parse(madeAt) + EXPORT_KEPT_HOURS * 3_600_000);
  return { rows, all: keptUri(id), kept_until: end.toISOString() };
}
