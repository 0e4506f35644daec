/** What a check found. It passed when there are no findings. */
export interface CheckOutcome {
  /** A few words for the table: `212 files`, `1.1 of 1.2 MiB`. */
  summary: string;
  /** One line each, beginning with `file:line` where there is one. Any finding fails the check. */
  findings: readonly string[];
  /** Worth reading, but no failure. */
  notes?: readonly string[];
}

/** One named check of `npm run check`. */
export interface Check {
  /** One lower-case word, also the argument of `npm run check -- <name>`. */
  name: string;
  /** What it makes sure of, as a short clause. */
  ensures: string;
  run(): Promise<CheckOutcome>;
}
