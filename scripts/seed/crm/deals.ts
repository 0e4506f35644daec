import { OPEN_STAGES, type Stage } from "../../../workers/crm/stages.ts";
import type { RowOf } from "./bulk.ts";
import type { Chance } from "./chance.ts";
import { LOSS_REASONS, PRODUCTS, TASK_TITLES } from "./wording.ts";

/** Customer and owner of a deal. */
export interface DealParties {
  companyId: string;
  companyName: string;
  contactId: string | null;
  region: string;
  owner: { id: string; name: string };
  /** Larger companies sign larger deals. */
  employees: number;
}

/** A deal with its history and its next task. */
export interface DealStory {
  deal: RowOf<"deals">;
  createdAt: string;
  lastTouch: string;
  history: RowOf<"deal_stage_history">[];
  task: RowOf<"tasks"> | undefined;
}

const BIG_CENTS = 10_000_000;

/**
 * Generates a deal with a history: opened, moved through stages, and last touched at a realistic time. Most
 * open deals are active, a few are stale for a month or more, large ones more often.
 */
export function inventDeal(chance: Chance, parties: DealParties): DealStory {
  const outcome = chance.pickWeighted<"open" | "won" | "lost">([
    ["open", 45],
    ["won", 32],
    ["lost", 23],
  ]);
  const cents = inventAmount(chance, parties.employees);
  const openedDays = outcome === "open" ? chance.between(5, 260) : chance.between(45, 720);
  const touchedDays =
    outcome === "open"
      ? Math.min(openedDays - 1, inventSilence(chance, cents))
      : chance.between(2, openedDays - 20);
  const createdAt = chance.timeAgo(openedDays);
  const lastTouch = latest(createdAt, chance.timeAgo(touchedDays));
  const path = inventPath(chance, outcome);
  const times = path.map(() => chance.timeBetween(createdAt, lastTouch)).sort();
  times[0] = createdAt;
  if (outcome !== "open") times[times.length - 1] = lastTouch;
  const stage = path.at(-1) ?? "lead";
  const reason = stage === "lost" ? chance.pick(LOSS_REASONS) : null;
  const id = chance.id("deal");
  const by = { name: parties.owner.name };
  return {
    createdAt,
    lastTouch,
    deal: {
      id,
      name: `${parties.companyName}: ${chance.pick(PRODUCTS)}`,
      company_id: parties.companyId,
      contact_id: parties.contactId,
      owner_id: parties.owner.id,
      region: parties.region,
      stage,
      amount_cents: cents,
      expected_close_on:
        outcome === "open" ? chance.dayAhead(inventDistance(chance)) : addDays(lastTouch, inventSlip(id)),
      stage_since: times.at(-1) ?? createdAt,
      closed_at: outcome === "open" ? null : lastTouch,
      close_reason: reason,
      last_activity_at: lastTouch,
      created_at: createdAt,
      created_by: "import",
      created_by_name: by.name,
      updated_at: times.at(-1) ?? createdAt,
      updated_by: "import",
      updated_by_name: by.name,
    },
    history: path.map((to, step) => ({
      deal_id: id,
      from_stage: path[step - 1] ?? null,
      to_stage: to,
      reason: to === "lost" ? reason : null,
      changed_at: times[step] ?? createdAt,
      changed_by: "import",
      changed_by_name: by.name,
    })),
    task: outcome === "open" && chance.happens(0.6) ? inventTask(chance, id, parties, createdAt) : undefined,
  };
}

function inventAmount(chance: Chance, employees: number): number {
  const amount = chance.skewed(20_000 + 1_800 * Math.sqrt(employees), 0.9);
  return Math.round(Math.min(3_000_000, Math.max(1_500, amount)) / 500) * 50_000;
}

function inventSilence(chance: Chance, cents: number): number {
  const cold = cents >= BIG_CENTS ? 0.32 : 0.16;
  if (chance.happens(cold)) return chance.between(31, 150);
  return chance.happens(0.7) ? chance.between(1, 13) : chance.between(14, 29);
}

/** Days until the expected close: every eighth open deal is late. */
function inventDistance(chance: Chance): number {
  return chance.happens(0.125) ? -chance.between(1, 60) : chance.between(3, 150);
}

/**
 * Days from the day that a deal closed to the day that was expected: one in four closes on its day, most others later
 * than was hoped. Made of the id, so that everything else stays as it was.
 */
function inventSlip(id: string): number {
  const number = [...id].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 9_973, 7);
  if (number % 4 === 0) return 0;
  return number % 4 === 1 ? 1 + (number % 20) : -1 - (number % 45);
}

function addDays(time: string, days: number): string {
  return new Date(Date.parse(time) + days * 86_400_000).toISOString().slice(0, 10);
}

function inventPath(chance: Chance, outcome: "open" | "won" | "lost"): Stage[] {
  if (outcome === "won") {
    return chance.happens(0.75) ? [...OPEN_STAGES, "won"] : ["lead", "qualified", "proposal", "won"];
  }
  const reached = chance.pickWeighted([
    [1, 26],
    [2, 30],
    [3, 26],
    [4, 18],
  ]);
  const path = OPEN_STAGES.slice(0, reached);
  return outcome === "lost" ? [...path, "lost"] : path;
}

function inventTask(chance: Chance, dealId: string, parties: DealParties, createdAt: string): RowOf<"tasks"> {
  return {
    id: chance.id("task"),
    title: chance.pick(TASK_TITLES),
    due_on: chance.dayAhead(chance.between(-12, 25)),
    done_at: null,
    owner_id: parties.owner.id,
    company_id: parties.companyId,
    contact_id: parties.contactId,
    deal_id: dealId,
    created_at: createdAt,
    created_by: "import",
    created_by_name: parties.owner.name,
  };
}

/** The later of two ISO times; `null` is earlier than any. */
export function latest(a: string | null, b: string): string {
  return a !== null && a > b ? a : b;
}
