import { canonicalize, digestText } from "./canonical-json.ts";
import type { ExportedChain, ExportLine } from "./export-line.ts";
import { NO_RECORD } from "./record.ts";

/** One thing that is wrong with an export. */
export interface Finding {
  /** Line of the file, from 1. */
  line: number;
  kind: "edited" | "missing" | "inserted" | "reordered";
  /** User id, or `null` when the finding is about a checkpoint or the file as a whole. */
  chain: string | null;
  /** Sequence number of the record, or number of the checkpoint. */
  sequence: number | null;
  /** What is wrong, in words. */
  text: string;
}

/** A record with what the verifier computed of it. */
export interface PlacedRecord {
  line: number;
  chain: string;
  sequence: number;
  previous: string;
  stated: string;
  computed: string;
}

/** Computes the hash of a record line. */
export function placeRecord(line: number, entry: Extract<ExportLine, { line: "record" }>): PlacedRecord {
  const { chain, sequence, previous } = entry.record;
  const computed = digestText(canonicalize(entry.record));
  return { line, chain, sequence, previous, stated: entry.hash, computed };
}

/** Checks that the records stand by chain and sequence, as the export wrote them. */
export function verifyOrder(records: readonly PlacedRecord[]): Finding[] {
  return records.flatMap((record, index) => {
    const before = records[index - 1];
    if (!before || !precedes(record, before)) return [];
    const text = `stands before record ${record.sequence} of ${record.chain}, which belongs before it`;
    return [finding(before, "reordered", text)];
  });
}

/**
 * Checks one chain: every hash, every link to the record before, no sequence number twice, none left out.
 *
 * @param records - those of the chain, in the order of the file
 * @param span - what the end of the export says of the chain; `undefined` when it does not know it
 * @param endLine - where something is missing that should be at the end
 */
export function verifyChain(
  records: readonly PlacedRecord[],
  span: ExportedChain | undefined,
  first: number,
  endLine: number,
): Finding[] {
  const findings: Finding[] = [];
  const places = new Map<number, PlacedRecord>();
  for (const record of records) {
    if (record.computed !== record.stated) findings.push(finding(record, "edited", "does not have its hash"));
    if (places.has(record.sequence)) findings.push(finding(record, "inserted", "is there a second time"));
    else places.set(record.sequence, record);
  }
  const ordered = [...places.values()].sort((a, b) => a.sequence - b.sequence);
  let before: PlacedRecord | undefined;
  for (const record of ordered) {
    findings.push(...verifyStep(before, record, first, span));
    before = record;
  }
  if (span && before && before.sequence < span.last) {
    findings.push(gap(endLine, span.chain, before.sequence + 1, span.last));
  }
  if (span && !before) findings.push(gap(endLine, span.chain, span.first, span.last));
  return findings;
}

function verifyStep(
  before: PlacedRecord | undefined,
  record: PlacedRecord,
  first: number,
  span: ExportedChain | undefined,
): Finding[] {
  const expected = before ? before.sequence + 1 : first;
  if (!span || record.sequence < first || record.sequence > span.last) {
    return [finding(record, "inserted", "is outside of what the end of the export names")];
  }
  if (record.sequence > expected) return [gap(record.line, record.chain, expected, record.sequence - 1)];
  // A record with a wrong hash is reported as such; that the next one does not follow it would say nothing more.
  const follows = before ? [before.stated, before.computed].includes(record.previous) : true;
  if (!follows) return [finding(record, "edited", "does not follow the record before it")];
  if (record.sequence === 1 && record.previous !== NO_RECORD) {
    return [finding(record, "edited", "says that something stood before it")];
  }
  if (record.sequence === span.last && ![record.stated, record.computed].includes(span.hash)) {
    return [finding(record, "edited", "is not the record that the end of the export names")];
  }
  return [];
}

function gap(line: number, chain: string, from: number, to: number): Finding {
  const text = from === to ? "is not there" : `and those up to ${to} are not there`;
  return { line, kind: "missing", chain, sequence: from, text };
}

function finding({ line, chain, sequence }: PlacedRecord, kind: Finding["kind"], text: string): Finding {
  return { line, kind, chain, sequence, text };
}

function precedes(a: PlacedRecord, b: PlacedRecord): boolean {
  return a.chain === b.chain ? a.sequence < b.sequence : a.chain < b.chain;
}
