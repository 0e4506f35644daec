/** How much one run may do. */
export interface RunBudget {
  /** The time, in milliseconds since the epoch. */
  clock(): number;
  /** Milliseconds after which no further round begins. */
  ms: number;
  /** Rounds at most, whatever time is left: D1 takes 1,000 statements from one invocation. */
  rounds: number;
}

/**
 * Does rounds of work until one says that nothing is left, or the budget is used up. `true` when more may be left. The
 * first round always runs, so that a run gets further even when the clock is wrong.
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
