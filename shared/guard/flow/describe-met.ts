import type { Met, ReadLabel } from "../../call/flow-labels.ts";
import { toDisplayText } from "../../text/display-text.ts";

/** Names of a sentence, per label; the page shows all that are remembered. */
const MOST_TOLD = 5;

/** Most characters of a name. */
const LONGEST = 80;

/** What a label means, for people. */
export const LABEL_TEXT: Record<ReadLabel, string> = {
  private: "private data",
  untrusted: "text of others",
};

/** What the session had met, with names that can be shown. */
export function describeMet(met: readonly Met[] | undefined): Met[] {
  return (met ?? []).map(({ label, names }) => ({
    label,
    names: names.map((name) => toDisplayText(name, LONGEST)),
  }));
}

/** One sentence of it for the person who is asked: the newest names of each label. Empty if it has met nothing. */
export function tellMet(met: readonly Met[] | undefined): string {
  const told = describeMet(met).map(({ label, names }) => {
    const newest = names.slice(-MOST_TOLD).reverse();
    const more = names.length - newest.length;
    return `${LABEL_TEXT[label]} with ${newest.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  });
  return told.length > 0 ? `Before, this app has read ${told.join("; and ")}.` : "";
}
