import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/mcp/define.ts";
import { withNotes } from "../answer.ts";
import { notesShape } from "../fields.ts";
import {
  type CheckedEvent,
  EVENT_FIELDS,
  MAX_EVENTS,
  type RowError,
  readEvents,
} from "../ingest/read-events.ts";
import { foldName } from "../names.ts";
import type { AnalyticsStore } from "../store.ts";

/** Dimensions whose members are few enough to be known; a customer is whoever is sent. */
const SPELLED = ["region", "country", "segment", "channel", "category", "product", "campaign"] as const;

/** Notes on spellings at most. */
const MAX_NOTES = 10;

/** Takes in events, many at once. */
export const trackEvents = defineTool({
  name: "analytics_track",
  title: "Track events",
  effect: "create",
  idempotent: true,
  costly: true,
  scope: "analytics:write",
  description: `Adds events to the figures, up to ${MAX_EVENTS.toLocaleString("en")} a call, late ones too. Sending an event again changes nothing: after a failure repeat the call. Bad rows are named; correct those alone. Fields: ${EVENT_FIELDS}.`,
  input: z.object({
    events: z
      .array(z.record(z.string().max(100), z.unknown()))
      .min(1)
      .max(MAX_EVENTS)
      .describe("One object an event"),
  }),
  output: z.object({
    received: z.number().int(),
    stored: z.number().int(),
    duplicates: z.number().int().describe("Were there already"),
    rejected: z.number().int(),
    errors: z.array(
      z.object({ row: z.number().int().describe("From 0"), key: z.string().optional(), message: z.string() }),
    ),
    new_members: z.array(z.object({ dimension: z.string(), member: z.string() })).optional(),
    notes: notesShape,
  }),
  overflow: "errors",
  timeoutMs: 60_000,
  async run({ events: rows }, { store, now }: ToolContext<AnalyticsStore>) {
    const { events, errors, repeated } = readEvents(rows, now);
    const notes: string[] = [];
    const spelled = await spellAsKnown(store, events, notes);
    const { stored, duplicates, conflicts, newMembers } = await store.storeEvents(spelled);
    const all = [...errors, ...describeConflicts(rows, conflicts)].sort((a, b) => a.row - b.row);
    if (newMembers.length > 0)
      notes.push("new_members were not known before: see that none is a misspelling.");
    return withNotes(
      {
        received: rows.length,
        stored,
        duplicates: duplicates + repeated,
        rejected: all.length,
        errors: all,
        ...(newMembers.length > 0 && { new_members: newMembers }),
      },
      notes,
    );
  },
});

/** Members that differ from a known one in case or separators alone get its spelling: `europe` is Europe. */
async function spellAsKnown(
  store: AnalyticsStore,
  events: readonly CheckedEvent[],
  notes: string[],
): Promise<CheckedEvent[]> {
  const lists = await Promise.all(SPELLED.map((dimension) => store.listMembers(dimension)));
  const known = lists.map((members) => ({
    exact: new Set(members),
    folded: new Map(members.map((member) => [foldName(member), member])),
  }));
  return events.map((event) => {
    const spelled = { ...event };
    for (const [index, dimension] of SPELLED.entries()) {
      const written = event[dimension];
      if (written === null || known[index]?.exact.has(written)) continue;
      const member = known[index]?.folded.get(foldName(written));
      if (member === undefined) continue;
      spelled[dimension] = member;
      const note = `${dimension} "${written}" was stored as ${member}.`;
      if (notes.length < MAX_NOTES && !notes.includes(note)) notes.push(note);
    }
    return spelled;
  });
}

function describeConflicts(
  rows: readonly Readonly<Record<string, unknown>>[],
  conflicts: readonly string[],
): RowError[] {
  const wanted = new Set(conflicts);
  const message =
    "The key belongs to another event that is stored. Events are never changed: send a correction as a new event.";
  return rows.flatMap(({ key }, row) =>
    typeof key === "string" && wanted.delete(key.trim()) ? [{ row, key: key.trim(), message }] : [],
  );
}
