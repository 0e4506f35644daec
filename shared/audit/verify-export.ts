import { type Checkpoint, keyIdOf } from "./checkpoint.ts";
import { type ExportedChain, type ExportLine, readExportLine } from "./export-line.ts";
import type { Finding } from "./finding.ts";
import { NO_RECORD } from "./record.ts";
import type { Removal } from "./removal.ts";
import { type Beginning, type PlacedRecord, placeRecord, verifyChain, verifyOrder } from "./verify-chains.ts";
import { verifyCheckpoints } from "./verify-checkpoints.ts";
import { type Removed, verifyRemovals } from "./verify-removals.ts";
import { followSuccession, type Placed } from "./verify-statements.ts";

/** Result of a verification. An intact export has no findings. */
export interface Verification {
  records: number;
  chains: number;
  checkpoints: number;
  /** Lawful removals: events of records that still exist, and records before the beginning of a chain. */
  removed: { statements: number; events: number; records: number };
  /** Ids of the signing keys, in order of appearance. */
  keyIds: string[];
  /**
   * Time of the newest checkpoint (milliseconds since the epoch); `null` without one. Later records are not
   * signed.
   */
  signedUntil: number | null;
  /** Number of chained records that no checkpoint in the file has signed yet. */
  unsigned: number;
  /**
   * Chains with records that had not reached the database when the export ran, and the sequence up to which
   * they are complete.
   */
  incomplete: { chain: string; complete: number }[];
  /** By line, so that the first finding is the place to start. */
  findings: Finding[];
}

/** A span of time in milliseconds since the epoch, both ends inclusive; `null` for an open end. */
export interface AskedSpan {
  from: number | null;
  to: number | null;
}

/** Kinds of lines, in the order of an export. */
const SECTIONS: readonly ExportLine["line"][] = ["export", "record", "checkpoint", "removal", "end"];

/** Lines of a file, grouped by kind. */
interface Contents {
  header: Extract<ExportLine, { line: "export" }> | undefined;
  end: Extract<ExportLine, { line: "end" }> | undefined;
  records: PlacedRecord[];
  checkpoints: Placed<Checkpoint>[];
  removals: Placed<Removal>[];
  lines: number;
  findings: Finding[];
}

/**
 * Verifies an export offline, using only its lines; `chain.ts` describes the hashes and `checkpoint.ts` the
 * signatures.
 *
 * @param trusted - ids of the keys that may have signed, and that may name successors; an empty list accepts
 * any key
 * @param asked - the span that the file must cover. The whole file is verified regardless: the time in a
 * record is not reliable before the record is verified
 */
export async function verifyExport(
  lines: Iterable<string>,
  trusted: readonly string[] = [],
  asked: AskedSpan = { from: null, to: null },
): Promise<Verification> {
  const contents = sortLines(lines);
  const { header, end, records, checkpoints, removals, findings, lines: count } = contents;
  if (!header) findings.push(ofFile(1, "edited", "The first line does not begin an export."));
  if (header) findings.push(...compareSpans(header, asked));
  if (!end) findings.push(ofFile(count, "missing", "The end line is missing: the file is cut short."));
  // Without checkpoints a file could contain rewritten chains, so a trusted key must have signed some.
  if (trusted.length > 0 && records.length > 0 && checkpoints.length === 0)
    findings.push(ofFile(count, "missing", "It contains no checkpoint, so no named key signed any of it."));
  const keys = await followSuccession(checkpoints, trusted);
  const verified = await verifyRemovals(removals, keys);
  findings.push(...verified.findings);
  // Without its last line an export does not list its chains, and every record would look inserted.
  const spans = new Map((end?.chains ?? impliedSpans(records)).map((span) => [span.chain, span]));
  const complete = header?.from === null;
  const beginningOf = (chain: string) => begin(verified.removed, chain, complete, spans.get(chain));
  const chains = groupByChain(records, spans);
  for (const [chain, own] of chains) {
    findings.push(...verifyChain(own, spans.get(chain), beginningOf(chain), verified.removed, count));
  }
  // An edited record may state any position; it is already reported.
  findings.push(...verifyOrder(records.filter(({ stated, computed }) => stated === computed)));
  const places = new Map(records.map((record) => [placeOf(record.chain, record.sequence), record]));
  const covered = {
    complete,
    find: (chain: string, sequence: number) => places.get(placeOf(chain, sequence)),
    covers(chain: string, sequence: number, signedAt: number) {
      if (!complete && !spans.has(chain)) return false;
      return (header?.to == null || signedAt <= header.to) && sequence >= beginningOf(chain).sequence;
    },
  };
  findings.push(...(await verifyCheckpoints(checkpoints, covered, keys)));
  if (end) findings.push(...compareCounts(end, contents));
  const signed = [...checkpoints, ...removals].map(({ statement }) => keyIdOf(statement.publicKey));
  const cuts = [...chains.keys()].map((chain) => verified.removed.cutOf(chain)?.through ?? 0);
  return {
    records: records.length,
    chains: chains.size,
    checkpoints: checkpoints.length,
    removed: {
      statements: removals.length,
      events: records.filter(({ content }) => content === "gone").length,
      records: cuts.reduce((sum, through) => sum + through, 0),
    },
    keyIds: [...new Set(signed)],
    signedUntil: checkpoints.at(-1)?.statement.at ?? null,
    unsigned: countUnsigned(chains, checkpoints),
    incomplete: (end?.chains ?? []).flatMap(({ chain, complete }) =>
      complete === undefined ? [] : [{ chain, complete }],
    ),
    findings: findings.sort((a, b) => a.line - b.line),
  };
}

/** A checkpoint signs the head of a chain and thereby every record before it. */
function countUnsigned(
  chains: ReadonlyMap<string, readonly PlacedRecord[]>,
  checkpoints: readonly Placed<Checkpoint>[],
): number {
  const signed = new Map<string, number>();
  for (const { statement } of checkpoints) {
    for (const { chain, sequence } of statement.heads)
      signed.set(chain, Math.max(sequence, signed.get(chain) ?? 0));
  }
  const counts = [...chains].map(
    ([chain, own]) => own.filter(({ sequence }) => sequence > (signed.get(chain) ?? 0)).length,
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/**
 * The beginning of a chain in this export: its first record, the first after a cut, or the start of the span.
 */
function begin(
  removed: Removed,
  chain: string,
  complete: boolean,
  span: ExportedChain | undefined,
): Beginning {
  const cut = removed.cutOf(chain);
  const first = complete ? 1 : (span?.first ?? 1);
  if (cut && cut.through + 1 >= first) return { sequence: cut.through + 1, previous: cut.hash };
  return { sequence: first, previous: first === 1 ? NO_RECORD : null };
}

/** Whether the file covers the requested span. One without an end reaches to the time of its export. */
function compareSpans(
  { from, to, at }: Extract<ExportLine, { line: "export" }>,
  asked: AskedSpan,
): Finding[] {
  const findings: Finding[] = [];
  const last = to ?? at;
  if (from !== null && asked.from !== null && asked.from < from)
    findings.push(ofFile(1, "missing", `The file begins at ${new Date(from).toISOString()} only.`));
  if (asked.to !== null && asked.to > last)
    findings.push(ofFile(1, "missing", `The file ends at ${new Date(last).toISOString()} already.`));
  return findings;
}

/** Compares the number of statements with the number in the last line. */
function compareCounts(end: Extract<ExportLine, { line: "end" }>, contents: Contents): Finding[] {
  return (["checkpoints", "removals"] as const).flatMap((what) => {
    const there = contents[what].length;
    if (end[what] === there) return [];
    const text = `The end names ${end[what]} ${what}; ${there} are there.`;
    return [ofFile(contents.lines, end[what] > there ? "missing" : "inserted", text)];
  });
}

function sortLines(lines: Iterable<string>): Contents {
  const contents: Contents = {
    header: undefined,
    end: undefined,
    records: [],
    checkpoints: [],
    removals: [],
    lines: 0,
    findings: [],
  };
  let reached = 0;
  for (const text of lines) {
    if (text.trim() === "") continue;
    contents.lines += 1;
    const line = contents.lines;
    const entry = readExportLine(text);
    const section = entry ? SECTIONS.indexOf(entry.line) : reached;
    if (section < reached) {
      contents.findings.push(ofFile(line, "reordered", `This line stands after a ${SECTIONS[reached]}.`));
    }
    reached = Math.max(reached, section);
    if (entry?.line === "record") contents.records.push(placeRecord(line, entry));
    else if (entry?.line === "checkpoint") {
      contents.checkpoints.push({ line, statement: entry.checkpoint, signature: entry.signature });
    } else if (entry?.line === "removal") {
      contents.removals.push({ line, statement: entry.removal, signature: entry.signature });
    } else if (entry?.line === "export" && line === 1) contents.header = entry;
    else if (entry?.line === "end" && !contents.end) contents.end = entry;
    else contents.findings.push(ofFile(line, "edited", "This is not a line of an export."));
  }
  return contents;
}

/** Records by chain, in file order; a chain without remaining records has an empty list. */
function groupByChain(
  records: readonly PlacedRecord[],
  spans: ReadonlyMap<string, ExportedChain>,
): Map<string, PlacedRecord[]> {
  const chains = new Map<string, PlacedRecord[]>();
  for (const chain of spans.keys()) chains.set(chain, []);
  for (const record of records) {
    const own = chains.get(record.chain);
    if (own) own.push(record);
    else chains.set(record.chain, [record]);
  }
  return chains;
}

function impliedSpans(records: readonly PlacedRecord[]): ExportedChain[] {
  return [...groupByChain(records, new Map())].map(([chain, own]) => {
    const sorted = own.toSorted((a, b) => a.sequence - b.sequence);
    const [first, last] = [sorted[0] as PlacedRecord, sorted.at(-1) as PlacedRecord];
    return { chain, first: first.sequence, last: last.sequence, hash: last.stated };
  });
}

function placeOf(chain: string, sequence: number): string {
  return `${sequence} ${chain}`;
}

function ofFile(line: number, kind: Finding["kind"], text: string): Finding {
  return { line, kind, about: "file", chain: null, sequence: null, text };
}
