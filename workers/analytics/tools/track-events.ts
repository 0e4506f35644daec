import { z } from "zod";
import type { ToolContext } from "../../../shared/server/define.ts";
import { defineLongTool } from "../../../shared/server/task-workflow.ts";
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

/** Dimensions with few, known members; customers are not checked. */
const SPELLED = ["region", "country", "segment", "channel", "category", "product", "campaign"] as const;

/** Events of one step, where the call is a task. */
const EVENTS_A_STEP = 1_000;

/** Notes on spellings at most. */
const MAX_NOTES = 10;

/** Takes in events, many at once. */
export const trackEvents = defineLongTool({
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
  async run({ events }, { store, now }: ToolContext<AnalyticsStore>) {
    return describeIntake(await takeIn(store, events, 0, now), events.length);
  },
  work: {
    tasks: "optional",
    async begin({ events }, { store, now }) {
      if (events.length > EVENTS_A_STEP) return { state: { from: 0, taken: null as Intake | null } };
      return { answer: describeIntake(await takeIn(store, events, 0, now), events.length) };
    },
    // Safe to repeat: an event that is sent again changes nothing, though it then counts as a duplicate.
    async step({ from, taken: before }, { events }, { store, now }) {
      const to = from + EVENTS_A_STEP;
      const taken = addUp(before, await takeIn(store, events.slice(from, to), from, now));
      if (to >= events.length) return { answer: describeIntake(taken, events.length) };
      return { state: { from: to, taken }, done: to, total: events.length, message: "events" };
    },
    async stop({ taken }, { events }) {
      return `At least ${taken?.stored ?? 0} of ${events.length} events were stored and stay; sending them again changes nothing.`;
    },
  },
});

/** What became of the events so far. */
type Intake = {
  stored: number;
  duplicates: number;
  errors: RowError[];
  newMembers: { dimension: string; member: string }[];
  notes: string[];
};

/** Stores a piece of a call's events, the first of which has the number `offset` there. */
async function takeIn(
  store: AnalyticsStore,
  rows: readonly Record<string, unknown>[],
  offset: number,
  now: Date,
): Promise<Intake> {
  const { events, errors, repeated } = readEvents(rows, now);
  const notes: string[] = [];
  const spelled = await spellAsKnown(store, events, notes);
  const { stored, duplicates, conflicts, newMembers } = await store.storeEvents(spelled);
  const all = [...errors, ...describeConflicts(rows, conflicts)].sort((a, b) => a.row - b.row);
  return {
    ...{ stored, duplicates: duplicates + repeated, newMembers, notes },
    errors: all.map((error) => ({ ...error, row: error.row + offset })),
  };
}

function addUp(before: Intake | null, piece: Intake): Intake {
  if (before === null) return piece;
  return {
    stored: before.stored + piece.stored,
    duplicates: before.duplicates + piece.duplicates,
    errors: [...before.errors, ...piece.errors],
    newMembers: [...before.newMembers, ...piece.newMembers],
    notes: [...new Set([...before.notes, ...piece.notes])].slice(0, MAX_NOTES),
  };
}

function describeIntake({ stored, duplicates, errors, newMembers, notes }: Intake, received: number) {
  const news = newMembers.length > 0;
  const text = "new_members were not known before: see that none is a misspelling.";
  return withNotes(
    {
      ...{ received, stored, duplicates, rejected: errors.length, errors },
      ...(news && { new_members: newMembers }),
    },
    news ? [...notes, text] : notes,
  );
}

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
