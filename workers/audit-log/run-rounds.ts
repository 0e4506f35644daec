/** Limits of one run. */
export interface RunBudget {
  /** The time, in milliseconds since the epoch. */
  clock(): number;
  /** Milliseconds after which no further round begins. */
  ms: number;
  /** Most rounds, also when time is left: one invocation may send D1 1,000 queries. */
  rounds: number;
}

/**
 * Runs rounds until one reports that no work is left or the budget is used up. Returns whether work may be left. The
 * first round always runs, so that every run makes progress, even with a wrong clock.
 */
export async function runRounds(
  round: () => Promise<{ more: boolean }>,
  budget: RunBudget,
): Promise<boolean> {
  const start = budget.clock();
  for (let done = 1; ; done += 1) {
    const { more } = await round();
    if (!more) return false;
    const spent = budget.clock() - start;
    // A negative span means that the clock jumped back.
    if (done >= budget.rounds || spent >= budget.ms || spent < 0) return true;
  }
}
