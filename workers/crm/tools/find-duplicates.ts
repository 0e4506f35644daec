import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { resembles } from "../duplicates.ts";
import { cursorField, idField } from "../fields.ts";
import { requireContact } from "../refusals.ts";
import type { CrmStore } from "../store.ts";

const KEYS = ["email", "phone", "name"] as const;
const SHOWN = 20;

const position = z.object({ seq: z.number().int().min(0), skip: z.number().int().min(0).max(1_000) });

/** Finds contacts that were created twice. */
export const findDuplicates = defineTool({
  name: "crm_find_duplicates",
  title: "Find duplicates",
  effect: "read",
  scope: "crm:read",
  description:
    "Finds contacts that were entered twice: same e-mail, or a similar name with the same phone or company. Goes through 250 contacts a call, oldest first. Then crm_merge_contacts.",
  input: z.object({
    contact_id: idField("con").optional().describe("Only duplicates of this contact"),
    cursor: cursorField.optional(),
  }),
  output: z.object({
    pairs: z.array(
      z.object({
        keep_id: z.string(),
        duplicate_id: z.string(),
        names: z.array(z.string().meta({ classification: "pii" })),
        same: z.array(z.enum(KEYS)),
      }),
    ),
    next_cursor: z.string().optional().describe("More contacts to go through, also when no pair was found"),
  }),
  overflow: "pairs",
  async run({ contact_id: id, cursor }, { store, cursors }: ToolContext<CrmStore>) {
    if (id !== undefined) await requireContact(store, id);
    const pages = cursors(["duplicates", id ?? ""], position);
    const at = (await pages.read(cursor)) ?? { seq: 0, skip: 0 };
    const { pairs, next } = await store.findDuplicates(
      id === undefined ? { afterSeq: at.seq } : { contactId: id },
    );
    const alike = pairs.filter((pair) => pair.key === "email" || resembles(pair));
    const groups = [...Map.groupBy(alike, ({ one, other }) => `${one} ${other}`).values()];
    const page = groups.slice(at.skip, at.skip + SHOWN);
    const rest = groups.length > at.skip + SHOWN ? { seq: at.seq, skip: at.skip + SHOWN } : undefined;
    const goOn = rest ?? (next === undefined ? undefined : { seq: next, skip: 0 });
    return {
      pairs: page.flatMap((group) => {
        const [pair] = group;
        if (!pair) return [];
        return {
          keep_id: pair.one,
          duplicate_id: pair.other,
          names: [`${pair.one_first} ${pair.one_last}`, `${pair.other_first} ${pair.other_last}`],
          same: group.map(({ key }) => key),
        };
      }),
      next_cursor: await pages.write(goOn),
    };
  },
});
