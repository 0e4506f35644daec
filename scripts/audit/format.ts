import type { Finding } from "../../shared/audit/finding.ts";
import type { Verification } from "../../shared/audit/verify-export.ts";

/** Maximum incomplete chains to list. */
const MOST_CHAINS = 20;

/** A finding as one line for a terminal. */
export function formatFinding({ line, kind, about, chain, sequence, text }: Finding): string {
  const where = `line ${line}: ${kind.toUpperCase()}`;
  if (chain !== null) return `${where}: record ${sequence} of ${chain} ${text}.`;
  return sequence === null ? `${where}: ${text}` : `${where}: ${about} ${sequence} ${text}.`;
}

/** Summary of an export: its content, and the time up to which it is signed, in one or two lines. */
export function formatSummary(verification: Verification): string {
  const { records, chains, checkpoints, removed, keyIds, signedUntil, unsigned, findings } = verification;
  const verdict = findings.length === 0 ? "Whole" : "NOT whole";
  const signed =
    signedUntil === null
      ? "No checkpoint is in it: nothing is signed."
      : `Signed until ${new Date(signedUntil).toISOString()} with the key ${keyIds.join(", ")}.`;
  const gone =
    removed.statements === 0
      ? "Nothing was ever removed."
      : `Removed lawfully, by ${removed.statements} signed statements: the events of ${removed.events} records that are still there, and ${removed.records} records before them.`;
  const held = [
    count(records, "record"),
    "in",
    `${count(chains, "chain")},`,
    count(checkpoints, "checkpoint"),
  ];
  const pending =
    unsigned === 0
      ? []
      : [`${count(unsigned, "record")} chained but not signed yet: the next checkpoint signs them.`];
  return [
    `${verdict}: ${held.join(" ")}.`,
    gone,
    signed,
    ...pending,
    ...formatIncomplete(verification.incomplete),
  ].join("\n");
}

/** Chains with gaps in the export, one per line: the missing records were not stored when it was written. */
export function formatIncomplete(chains: readonly { chain: string; complete: number }[]): string[] {
  return chains
    .slice(0, MOST_CHAINS)
    .map(
      ({ chain, complete }) =>
        `${chain} is complete up to record ${complete}: later ones had not all been stored when it was exported. Export again.`,
    );
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
