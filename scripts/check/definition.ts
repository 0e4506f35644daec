/** Result of a check. It passes without findings. */
export interface CheckOutcome {
  /** A short text for the table: `212 files`, `1.1 of 1.2 MiB`. */
  summary: string;
  /** One line each, beginning with `file:line` if there is a place. Any finding fails the check. */
  findings: readonly string[];
  /** Notes, which do not fail the check. */
  notes?: readonly string[];
}

/** One named check of `npm run check`. */
export interface Check {
  /** One lower-case word, also the argument of `npm run check -- <name>`. */
  name: string;
  /** The property that it checks, as a short clause. */
  ensures: string;
  run(): Promise<CheckOutcome>;
}
