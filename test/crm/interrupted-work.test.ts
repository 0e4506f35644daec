import { env } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PrincipalIdentity } from "../../shared/call/principal.ts";
import { openAgreement } from "../../shared/guard/approval/agreement.ts";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { masksOf } from "../../shared/policy/masks.ts";
import type { ToolContext, ToolDefinition } from "../../shared/server/define.ts";
import { openCrmStore } from "../../workers/crm/store.ts";
import { bulkUpdate } from "../../workers/crm/tools/bulk-update.ts";
import { importCsv } from "../../workers/crm/tools/import-csv.ts";
import { undoChange } from "../../workers/crm/tools/undo-change.ts";

/** Result of a batch: done; lost before it ran; or done with its confirmation lost. */
type Fate = "done" | "lost" | "unheard";

class Interrupted extends Error {}

/** The database of an object that may be stopped at any of its batches. */
function interrupt(db: D1Database, fates: Fate[]): D1Database {
  return new Proxy(db, {
    get(target, property) {
      if (property !== "batch") return Reflect.get(target, property).bind(target);
      return async (statements: D1PreparedStatement[]) => {
        const fate = fates.shift() ?? "done";
        if (fate === "lost") throw new Interrupted();
        const results = await target.batch(statements);
        if (fate === "unheard") throw new Interrupted();
        return results;
      };
    },
  });
}

const principal = { userId: "user_rand", name: "Rand", email: "rand@rand.example", role: "admin" };

function openContext(db: D1Database, tool: string, input: Record<string, unknown>): ToolContext {
  const store = openCrmStore(db, masksOf(bundledPolicy(), "admin"));
  const now = new Date();
  const identity = { ...principal, clientId: "client_rand" } as PrincipalIdentity;
  // The client cannot ask, so `ask` is not called.
  const unasked = { canAsk: false, now, ask: () => Promise.reject(new Error("Asked.")) };
  const agreement = openAgreement({ env, identity }, tool, input, unasked);
  const { signal } = new AbortController();
  const rest = {
    ...agreement,
    progress: () => {},
    requireTool: () => {},
    canAsk: false,
    timeLeft: () => 60_000,
  };
  return { store, principal, now, signal, ...rest } as unknown as ToolContext;
}

/**
 * Runs the steps of a tool as its task does: an interrupted step runs again with the same state, sometimes
 * while the old one still runs.
 */
async function work(tool: unknown, given: Record<string, unknown>, fates: Fate[], twice: boolean) {
  const { name, work: steps, input: schema } = tool as ToolDefinition;
  if (!steps) throw new TypeError("The tool has no steps.");
  const input = schema.parse(given);
  const context = openContext(interrupt(env.CRM_DB, fates), name, input);
  let step = await again(() => steps.begin(input, context));
  while (!("answer" in step)) {
    const { state } = step;
    const take = () => again(() => steps.step(state, input, context));
    const [first] = await Promise.all(twice ? [take(), take()] : [take()]);
    step = first;
  }
  return step.answer as Record<string, unknown>;
}

async function again<T>(take: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await take();
    } catch (failure) {
      if (!(failure instanceof Interrupted)) throw failure;
    }
  }
}

const fates = fc.array(fc.constantFrom<Fate>("done", "done", "lost", "unheard"), { maxLength: 30 });
let families = 0;

const one = (sql: string, ...values: string[]) =>
  env.CRM_DB.prepare(sql)
    .bind(...values)
    .first();

describe("long work that is interrupted at any batch, any number of times", () => {
  it("ends as if it had not been interrupted: an import, a bulk update over it, and undoing both", async () => {
    await fc.assert(
      fc.asyncProperty(fates, fates, fates, fc.boolean(), async (importing, changing, undoing, twice) => {
        const family = `Rand${families++}`;
        const rows = 2_300;
        const line = (index: number) => `Rosa,${family},${family.toLowerCase()}.${index}@rand.example`;
        const lines = Array.from({ length: rows }, (_, index) => line(index));
        const csv = ["First name,Last name,Email", ...lines, line(7), "Rosa,Rand,no address"].join("\n");
        const file = { record: "contact", csv };
        const shown = await work(importCsv, file, importing.slice(0, 5), false);
        expect(shown).toMatchObject({ create: rows, done: false });
        const imported = await work(importCsv, { ...file, confirm: shown.confirm }, importing, twice);
        expect(imported).toMatchObject({ written: rows, remaining: 0, done: true });
        expect(imported.problems).toHaveLength(2);
        const people = "SELECT count(*) AS n, count(DISTINCT email) AS different, max(version) AS version";
        const state = () => one(`${people} FROM contacts WHERE last_name = ?`, family);
        expect(await state()).toEqual({ n: rows, different: rows, version: 1 });

        const where = { query: family };
        const change = { record: "contact", where, field: "title", value: "Head" };
        const chosen = await work(bulkUpdate, change, changing.slice(0, 5), false);
        expect(chosen).toMatchObject({ to_change: rows, complete: true });
        const bulk = await work(bulkUpdate, { ...change, confirm: chosen.confirm }, changing, twice);
        expect(bulk).toMatchObject({ changed: rows, skipped_total: 0, remaining: 0 });
        expect(await state()).toEqual({ n: rows, different: rows, version: 2 });
        const kept = "SELECT count(*) AS n FROM change_rows WHERE change_id = ?";
        expect(await one(kept, String(bulk.change_id))).toEqual({ n: rows });

        const undone = await work(undoChange, { change_id: bulk.change_id }, undoing, false);
        expect(undone).toEqual({ change_id: bulk.change_id, rows });
        const titles =
          "SELECT count(*) AS n FROM contacts WHERE last_name = ? AND title IS NULL AND version = 3";
        expect(await one(titles, family)).toEqual({ n: rows });
      }),
      { numRuns: 8 },
    );
  }, 240_000);
});
