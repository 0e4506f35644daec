import { type Checkpoint, keyIdOf } from "../../shared/audit/checkpoint.ts";
import { toRecordLine } from "../../shared/audit/export-line.ts";
import type { Finding } from "../../shared/audit/finding.ts";
import { StoredTrail } from "../../shared/audit/read-stored.ts";
import { NO_RECORD } from "../../shared/audit/record.ts";
import { placeRecord, verifyChain } from "../../shared/audit/verify-chains.ts";
import { verifyCheckpoints } from "../../shared/audit/verify-checkpoints.ts";
import { type TrailBindings, trailSource } from "./trail-source.ts";

/** Most records of one check. */
export const MOST_RECORDS = 1_000;
/** The newest checkpoints that it compares with. */
const MOST_CHECKPOINTS = 50;

/** A part of one chain, checked. Sequence numbers; 0 without a record. */
export interface CheckedStretch {
  records: number;
  first: number;
  last: number;
  /** Records whose event was removed. The signed statements about that are not part of the check. */
  emptied: number;
  /** Time of the newest checkpoint that signs a record of it, in milliseconds since the epoch. */
  signedUntil: number | null;
  /** Records after the newest signed one. */
  unsigned: number;
  keyIds: string[];
  findings: Finding[];
}

const CHECKPOINTS = `SELECT body, signature FROM audit_checkpoint ORDER BY number DESC LIMIT ${MOST_CHECKPOINTS}`;

/**
 * Checks the newest records of a chain, at most 1,000 up to `through`, with the verifier of exports: every hash, event
 * and link, and the heads that the newest checkpoints signed.
 */
export async function checkStretch(
  env: TrailBindings,
  chain: string,
  through = Number.MAX_SAFE_INTEGER,
): Promise<CheckedStretch> {
  const trail = new StoredTrail(trailSource(env));
  const [links, checkpoints] = await Promise.all([
    trail.readChain(chain, { through, most: MOST_RECORDS, newest: true }),
    env.PLATFORM_DB.prepare(CHECKPOINTS).all<{ body: string; signature: string }>(),
  ]);
  const records = links.map((link, index) => placeRecord(index + 1, toRecordLine(link)));
  const [begin, end] = [records[0], records.at(-1)];
  const signed = checkpoints.results
    .reverse()
    .map(({ body, signature }) => ({ line: 0, statement: JSON.parse(body) as Checkpoint, signature }));
  if (begin === undefined || end === undefined) {
    return {
      records: 0,
      first: 0,
      last: 0,
      emptied: 0,
      signedUntil: null,
      unsigned: 0,
      keyIds: [],
      findings: [],
    };
  }
  const span = { chain, first: begin.sequence, last: end.sequence, hash: end.stated };
  // What lawfully lost its event, or its beginning, is named by signed statements that an export has.
  const previous = begin.sequence === 1 ? NO_RECORD : null;
  const lawful = { excuse: () => "lawful" as const };
  const findings = verifyChain(records, span, { sequence: begin.sequence, previous }, lawful, 0);
  const places = new Map(records.map((record) => [record.sequence, record]));
  const ofChain = {
    complete: false,
    find: (name: string, sequence: number) => (name === chain ? places.get(sequence) : undefined),
    covers: (name: string, sequence: number) =>
      name === chain && sequence >= span.first && sequence <= span.last,
  };
  findings.push(...(await verifyCheckpoints(signed, ofChain, [])));
  const heads = signed.flatMap(({ statement }) =>
    statement.heads.flatMap((head) =>
      head.chain === chain && places.has(head.sequence)
        ? [{ sequence: head.sequence, at: statement.at }]
        : [],
    ),
  );
  const newest = heads.at(-1);
  return {
    records: records.length,
    first: span.first,
    last: span.last,
    emptied: records.filter(({ content }) => content === "gone").length,
    signedUntil: newest?.at ?? null,
    unsigned: records.filter(({ sequence }) => sequence > (newest?.sequence ?? 0)).length,
    keyIds: [...new Set(signed.map(({ statement }) => keyIdOf(statement.publicKey)))],
    findings,
  };
}
