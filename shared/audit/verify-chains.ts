import { canonicalize, digestText } from "../encoding/canonical-json.ts";
import { commitTo } from "./commitment.ts";
import type { ExportedChain, RecordLine } from "./export-line.ts";
import type { Finding } from "./finding.ts";
import { NO_RECORD } from "./record.ts";
import type { Removed } from "./verify-removals.ts";

/** A record with the verifier's results. */
export interface PlacedRecord {
  line: number;
  chain: string;
  sequence: number;
  previous: string;
  stated: string;
  computed: string;
  at: number;
  type: string;
  /**
   * `whole`: the event matches the commitment. `gone`: the event was removed. `other`: the event does not
   * match.
   */
  content: "whole" | "gone" | "other";
}

/**
 * Where a chain begins: sequence number and previous hash; the hash is `null` if the export does not contain
 * it.
 */
export interface Beginning {
  sequence: number;
  previous: string | null;
}

/** Computes the hash of a record line and compares its event with the commitment. */
export function placeRecord(line: number, entry: RecordLine): PlacedRecord {
  const { chain, sequence, previous, at, type } = entry.record;
  const computed = digestText(canonicalize(entry.record));
  return {
    line,
    chain,
    sequence,
    previous,
    at,
    type,
    stated: entry.hash,
    computed,
    content: compareContent(entry),
  };
}

function compareContent({ record, salt, event }: RecordLine): PlacedRecord["content"] {
  // In version 1 the hash covers the event itself.
  if ((record.version as number) === 1) return salt === undefined && event === undefined ? "whole" : "other";
  if (salt === undefined && event === undefined) return "gone";
  if (salt === undefined || event === undefined || event.type !== record.type) return "other";
  return record.commitment === commitTo(salt, event) ? "whole" : "other";
}

/** Checks that the records are sorted by chain and sequence, as the export wrote them. */
export function verifyOrder(records: readonly PlacedRecord[]): Finding[] {
  return records.flatMap((record, index) => {
    const before = records[index - 1];
    if (!before || !precedes(record, before)) return [];
    const text = `stands before record ${record.sequence} of ${record.chain}, which belongs before it`;
    return [finding(before, "reordered", text)];
  });
}

/**
 * Checks one chain: every hash, every event, every link to the previous record, no sequence number repeated
 * or missing. A removed event must be named by a signed removal.
 *
 * @param records - records of the chain, in file order
 * @param span - the chain's span in the export's last line; `undefined` if it is not listed there
 * @param endLine - line to report for records missing at the end
 */
export function verifyChain(
  records: readonly PlacedRecord[],
  span: ExportedChain | undefined,
  beginning: Beginning,
  removed: Pick<Removed, "excuse">,
  endLine: number,
): Finding[] {
  const findings: Finding[] = [];
  const places = new Map<number, PlacedRecord>();
  for (const record of records) {
    if (record.computed !== record.stated) findings.push(finding(record, "edited", "does not have its hash"));
    else findings.push(...verifyContent(record, removed));
    if (places.has(record.sequence)) findings.push(finding(record, "inserted", "is there a second time"));
    else places.set(record.sequence, record);
  }
  const ordered = [...places.values()].sort((a, b) => a.sequence - b.sequence);
  let before: PlacedRecord | undefined;
  for (const record of ordered) {
    findings.push(...verifyStep(before, record, beginning, span));
    before = record;
  }
  if (span && before && before.sequence < span.last) {
    findings.push(gap(endLine, span.chain, before.sequence + 1, span.last));
  }
  if (span && !before) findings.push(gap(endLine, span.chain, span.first, span.last));
  return findings;
}

function verifyContent(record: PlacedRecord, removed: Pick<Removed, "excuse">): Finding[] {
  if (record.content === "whole") return [];
  if (record.content === "other") return [finding(record, "edited", "does not have the event it commits to")];
  switch (removed.excuse(record.chain, record.sequence, record.type, record.at)) {
    case "lawful":
      return [];
    case "early":
      return [finding(record, "missing", "has lost its event before its time")];
    default:
      return [finding(record, "missing", "has lost its event, and no signed removal names it")];
  }
}

function verifyStep(
  before: PlacedRecord | undefined,
  record: PlacedRecord,
  beginning: Beginning,
  span: ExportedChain | undefined,
): Finding[] {
  const expected = before ? before.sequence + 1 : beginning.sequence;
  if (!span || record.sequence < beginning.sequence || record.sequence > span.last) {
    return [finding(record, "inserted", "is outside of what the end of the export names")];
  }
  if (record.sequence > expected) return [gap(record.line, record.chain, expected, record.sequence - 1)];
  // A record with a wrong hash is reported as such; a second finding for its successor would add nothing.
  const follows = before ? [before.stated, before.computed].includes(record.previous) : true;
  if (!follows) return [finding(record, "edited", "does not follow the record before it")];
  const { previous } = beginning;
  if (record.sequence === beginning.sequence && previous !== null && record.previous !== previous) {
    const text = previous === NO_RECORD ? "says that something stood before it" : "does not follow the cut";
    return [finding(record, "edited", text)];
  }
  if (record.sequence === span.last && ![record.stated, record.computed].includes(span.hash)) {
    return [finding(record, "edited", "is not the record that the end of the export names")];
  }
  return [];
}

function gap(line: number, chain: string, from: number, to: number): Finding {
  const text = from === to ? "is not there" : `and those up to ${to} are not there`;
  return { line, kind: "missing", about: "record", chain, sequence: from, text };
}

function finding({ line, chain, sequence }: PlacedRecord, kind: Finding["kind"], text: string): Finding {
  return { line, kind, about: "record", chain, sequence, text };
}

function precedes(a: PlacedRecord, b: PlacedRecord): boolean {
  return a.chain === b.chain ? a.sequence < b.sequence : a.chain < b.chain;
}
