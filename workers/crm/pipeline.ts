import { subtractDays, toDay } from "./days.ts";
import { CURRENCY, fromCents } from "./money.ts";
import { OPEN_STAGES, type Stage, WIN_CHANCE } from "./stages.ts";
import type { OwnerRow } from "./store/owners.ts";
import type { CrmStore } from "./store.ts";

/** Days without a touch after which a deal counts as stale. */
export const STALE_DAYS = 30;

const CLOSED_DAYS = 90;

/** One open stage of the pipeline; amounts in currency units, `forecast` weighed by the chance to win. */
export interface PipelineStage {
  stage: Stage;
  deals: number;
  amount: number;
  forecast: number;
  stale_deals: number;
  late_deals: number;
}

/** The pipeline at one moment: what is open by stage, and what was won and lost in the last 90 days. */
export interface Pipeline {
  as_of: string;
  owner: string | null;
  currency: string;
  stages: PipelineStage[];
  open_deals: number;
  open_amount: number;
  forecast: number;
  last_90_days: {
    won: number;
    won_amount: number;
    lost: number;
    lost_amount: number;
    win_rate: number | null;
  };
}

/** Adds up the pipeline of one owner, or of everyone. */
export async function summarizePipeline(
  store: CrmStore,
  owner: OwnerRow | undefined,
  now: Date,
): Promise<Pipeline> {
  const [open, closed] = await Promise.all([
    store.deals.summarizeOpen(owner?.id, subtractDays(now, STALE_DAYS), toDay(now)),
    store.deals.summarizeClosed(owner?.id, subtractDays(now, CLOSED_DAYS)),
  ]);
  const stages = OPEN_STAGES.map((stage) => {
    const row = open.find((summary) => summary.stage === stage);
    const cents = row?.amount_cents ?? 0;
    return {
      stage,
      deals: row?.deals ?? 0,
      amount: fromCents(cents),
      forecast: fromCents(Math.round(cents * WIN_CHANCE[stage])),
      stale_deals: row?.stale ?? 0,
      late_deals: row?.late ?? 0,
    };
  });
  const won = closed.find(({ stage }) => stage === "won");
  const lost = closed.find(({ stage }) => stage === "lost");
  const decided = (won?.deals ?? 0) + (lost?.deals ?? 0);
  return {
    as_of: now.toISOString(),
    owner: owner?.name ?? null,
    currency: CURRENCY,
    stages,
    open_deals: stages.reduce((sum, { deals }) => sum + deals, 0),
    open_amount: addMoney(stages.map(({ amount }) => amount)),
    forecast: addMoney(stages.map(({ forecast }) => forecast)),
    last_90_days: {
      won: won?.deals ?? 0,
      won_amount: fromCents(won?.amount_cents ?? 0),
      lost: lost?.deals ?? 0,
      lost_amount: fromCents(lost?.amount_cents ?? 0),
      win_rate: decided === 0 ? null : Math.round(((won?.deals ?? 0) / decided) * 1000) / 1000,
    },
  };
}

/** Adds in whole cents, so that no fraction of a cent appears. */
function addMoney(amounts: readonly number[]): number {
  return fromCents(amounts.reduce((sum, amount) => sum + Math.round(amount * 100), 0));
}
