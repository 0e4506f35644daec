import { addMonths, subtractDays, toDay } from "./days.ts";
import { CURRENCY, fromCents } from "./money.ts";
import { isClosed, OPEN_STAGES, type Stage, WIN_CHANCE } from "./stages.ts";
import type { CounterRow, MonthCounterRow } from "./store/counters.ts";
import type { OwnerRow } from "./store/owners.ts";
import type { CrmStore } from "./store.ts";

/** Days without an activity after which a deal counts as stale. */
export const STALE_DAYS = 30;

/** Default number of days of results. */
export const RESULT_DAYS = 90;

const DAY_SECONDS = 86_400;

/** One open stage of the pipeline; amounts in currency units, `forecast` weighted by the win probability. */
export interface PipelineStage {
  stage: Stage;
  deals: number;
  amount: number;
  forecast: number;
  stale_deals: number;
  stale_amount: number;
  late_deals: number;
  /** Mean days in this stage of deals that left it within the period, over all owners. */
  days_in_stage: number | null;
}

/** The pipeline at one moment: open deals by stage, and deals won and lost in the last days. */
export interface Pipeline {
  as_of: string;
  owner: string | null;
  currency: string;
  stages: PipelineStage[];
  open_deals: number;
  open_amount: number;
  forecast: number;
  results: {
    days: number;
    won: number;
    won_amount: number;
    lost: number;
    lost_amount: number;
    /** Share of won deals among all closed ones; `null` when none was closed. */
    win_rate: number | null;
    /** Mean days from creation to winning. */
    cycle_days: number | null;
  };
}

/** A part of the open pipeline: an owner's deals, or a month's. */
export interface PipelineShare {
  deals: number;
  amount: number;
  forecast: number;
}

/**
 * Summarises the pipeline of one owner, or of all. Ages are whole UTC days; results cover the last `days`.
 */
export async function summarizePipeline(
  store: CrmStore,
  owner: OwnerRow | undefined,
  now: Date,
  days: number = RESULT_DAYS,
): Promise<Pipeline> {
  const rows = await store.counters.summarize(owner?.id, {
    staleTo: toDay(subtractDays(now, STALE_DAYS)),
    today: toDay(now),
    closedFrom: toDay(subtractDays(now, days)),
  });
  const read = (kind: CounterRow["kind"], stage: Stage) =>
    rows.find((row) => row.kind === kind && row.stage === stage) ?? { deals: 0, cents: 0, seconds: 0 };
  const open = OPEN_STAGES.map((stage) => ({ stage, ...read("open", stage) }));
  const total = shareOf(open);
  const won = read("closed", "won");
  const lost = read("closed", "lost");
  const decided = won.deals + lost.deals;
  return {
    as_of: now.toISOString(),
    owner: owner?.name ?? null,
    currency: CURRENCY,
    stages: open.map((row) => ({
      stage: row.stage,
      ...shareOf([row]),
      stale_deals: read("stale", row.stage).deals,
      stale_amount: fromCents(read("stale", row.stage).cents),
      late_deals: read("late", row.stage).deals,
      days_in_stage: meanDays(read("left", row.stage)),
    })),
    open_deals: total.deals,
    open_amount: total.amount,
    forecast: total.forecast,
    results: {
      days,
      won: won.deals,
      won_amount: fromCents(won.cents),
      lost: lost.deals,
      lost_amount: fromCents(lost.cents),
      win_rate: decided === 0 ? null : Math.round((won.deals / decided) * 1000) / 1000,
      cycle_days: meanDays(won),
    },
  };
}

/** Open deals by owner, the largest forecast first; `null` stands for deals without an owner. */
export async function shareByOwner(
  store: CrmStore,
  limit: number,
): Promise<({ owner: string | null } & PipelineShare)[]> {
  const groups = Map.groupBy(await store.counters.listOwners(), ({ owner_name }) => owner_name);
  const shares = [...groups].map(([owner, rows]) => ({ owner, ...shareOf(rows) }));
  return shares.sort((a, b) => b.forecast - a.forecast || b.amount - a.amount).slice(0, limit);
}

/**
 * Deals of a month or a quarter; amounts in currency units. The forecast is the won plus the weighted amount.
 */
export interface PipelinePeriod {
  /** Number of open deals expected to close in it, and their amount. */
  deals: number;
  amount: number;
  /** The amount weighted by each stage's win probability. */
  weighted: number;
  won: number;
  won_amount: number;
  forecast: number;
}

/**
 * All open deals by the month of their expected close: `overdue` before this month, this month and the next
 * five, and `later`. Together they are the whole pipeline. The current month includes deals won in it. Empty
 * months are omitted.
 */
export async function shareByMonth(
  store: CrmStore,
  owner: OwnerRow | undefined,
  now: Date,
): Promise<({ month: string } & PipelinePeriod)[]> {
  const first = toDay(now).slice(0, 7);
  const end = addMonths(first, MONTHS_SHOWN);
  const rows = await store.counters.listMonths(owner?.id, { from: `${first}-01`, to: `${first}-31` });
  const groups = Map.groupBy(rows, ({ month }) =>
    month < first ? "overdue" : month >= end ? "later" : month,
  );
  const names = [
    "overdue",
    ...Array.from({ length: MONTHS_SHOWN }, (_, ahead) => addMonths(first, ahead)),
    "later",
  ];
  const months = names.flatMap((month) => {
    const found = groups.get(month);
    return found ? [{ month, ...addUpPeriod(found) }] : [];
  });
  return settleCents(months, rows);
}

/**
 * Corrects rounding: each weighted part is rounded to whole cents, and the largest part takes the difference
 * to the sum.
 */
function settleCents<Part extends PipelinePeriod>(parts: Part[], rows: readonly MonthCounterRow[]): Part[] {
  const byStage = [...Map.groupBy(rows, ({ stage }) => stage)].map(([stage, some]) => ({
    ...{ stage, deals: 0, cents: some.reduce((sum, { cents }) => sum + cents, 0) },
  }));
  const toWhole = (amount: number) => Math.round(amount * 100);
  const missing =
    toWhole(shareOf(byStage).forecast) - parts.reduce((sum, part) => sum + toWhole(part.weighted), 0);
  const largest = Math.max(...parts.map(({ weighted }) => weighted));
  const at = parts.findIndex(({ weighted }) => weighted === largest);
  return parts.map((part, index) =>
    index === at
      ? {
          ...part,
          weighted: fromCents(toWhole(part.weighted) + missing),
          forecast: fromCents(toWhole(part.forecast) + missing),
        }
      : part,
  );
}

/** Forecast of one month or quarter. `from` and `to` are its first and last day. */
export async function sharePeriod(
  store: CrmStore,
  owner: OwnerRow | undefined,
  { from, to }: { from: string; to: string },
): Promise<PipelinePeriod> {
  const rows = await store.counters.listMonths(owner?.id, { from, to });
  return addUpPeriod(rows.filter(({ month }) => month >= from.slice(0, 7) && month <= to.slice(0, 7)));
}

/** Number of months before `later`. */
const MONTHS_SHOWN = 6;

function addUpPeriod(rows: readonly MonthCounterRow[]): PipelinePeriod {
  const { deals, amount, forecast: weighted } = shareOf(rows);
  const won = rows.filter(({ stage }) => stage === "won");
  const cents = won.reduce((sum, row) => sum + row.cents, 0);
  return {
    ...{ deals, amount, weighted, won: won.reduce((sum, row) => sum + row.deals, 0) },
    ...{ won_amount: fromCents(cents), forecast: fromCents(cents + Math.round(weighted * 100)) },
  };
}

/** Weights each stage's cents by its win probability, rounded to whole cents. */
function shareOf(rows: readonly { stage: Stage; deals: number; cents: number }[]): PipelineShare {
  const open = rows.filter(({ stage }) => !isClosed(stage));
  const sum = (read: (row: (typeof open)[number]) => number) =>
    open.reduce((total, row) => total + read(row), 0);
  return {
    deals: sum(({ deals }) => deals),
    amount: fromCents(sum(({ cents }) => cents)),
    forecast: fromCents(sum(({ cents, stage }) => Math.round(cents * WIN_CHANCE[stage]))),
  };
}

function meanDays({ deals, seconds }: { deals: number; seconds: number }): number | null {
  return deals === 0 ? null : Math.round((seconds / deals / DAY_SECONDS) * 10) / 10;
}
