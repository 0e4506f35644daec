import type { Checkpoint } from "./checkpoint.ts";
import { type ExportedChain, type ExportLine, type RecordLine, toRecordLine } from "./export-line.ts";
import { type Arrived, StoredTrail, type TrailSource } from "./read-stored.ts";
import type { Removal } from "./removal.ts";

const NEWEST_REMOVAL = "SELECT max(number) FROM audit_removal";

/**
 * What to export: a span of time in milliseconds since the epoch, both ends included, `null` for no bound; and one chain,
 * or all of them. One chain needs a bound, because without one an export says that it has every chain.
 */
export interface Span {
  from: number | null;
  to: number | null;
  chain?: string;
}

/**
 * Writes the audit trail as lines of an export, which `verifyExport` reads. Records that arrive while it runs
 * are left to the next export, so that checkpoints and records match. Throws when records are removed
 * meanwhile: an export with half of a removal would look like tampering.
 */
export async function* exportLines(
  source: TrailSource,
  environment: string,
  span: Span,
  at: number,
): AsyncGenerator<ExportLine> {
  const { ask } = source;
  const [bound] = await ask(
    `SELECT (SELECT max(id) FROM audit_record) AS id, (SELECT max(through) FROM audit_segment) AS through,
            (SELECT max(number) FROM audit_checkpoint) AS number, (${NEWEST_REMOVAL}) AS removal`,
  );
  const arrived = { id: Number(bound?.id ?? 0), through: Number(bound?.through ?? 0) };
  const lastNumber = Number(bound?.number ?? 0);
  const lastRemoval = Number(bound?.removal ?? 0);
  yield { line: "export", version: 2, environment, at, from: span.from, to: span.to };

  const cuts = await ask("SELECT chain, through FROM audit_cut");
  const cutThrough = new Map(cuts.map(({ chain, through }) => [String(chain), Number(through)]));
  const begun = (chain: string) => (span.from === null ? (cutThrough.get(chain) ?? 0) + 1 : null);
  const chains: ExportedChain[] = [];
  let records = 0;
  for await (const line of readRecords(source, span, arrived)) {
    const { hash } = line;
    const { chain, sequence } = line.record;
    const current = chains.at(-1);
    if (current?.chain === chain) noteRecord(current, sequence, hash);
    else chains.push(beginChain({ chain, first: sequence, last: sequence, hash }, begun(chain)));
    records += 1;
    yield line;
  }

  const rows = await ask(
    `SELECT body, signature FROM audit_checkpoint WHERE number <= ${lastNumber}
        AND body ->> '$.at' >= ${span.from ?? 0} ORDER BY number`,
  );
  for (const { body, signature } of rows) {
    const checkpoint = JSON.parse(String(body)) as Checkpoint;
    yield { line: "checkpoint", checkpoint, signature: String(signature) };
  }
  const removals = await ask(
    `SELECT body, signature FROM audit_removal WHERE number <= ${lastRemoval} ORDER BY number`,
  );
  for (const { body, signature } of removals) {
    yield { line: "removal", removal: JSON.parse(String(body)) as Removal, signature: String(signature) };
  }
  const [now] = await ask(`SELECT (${NEWEST_REMOVAL}) AS removal`);
  if (Number(now?.removal ?? 0) !== lastRemoval) {
    throw new Error("Records were removed while the export ran. Export again.");
  }
  yield { line: "end", records, checkpoints: rows.length, removals: removals.length, chains };
}

/** @param begun - the first sequence of the chain; `null` when the export may begin anywhere in it */
function beginChain(chain: ExportedChain, begun: number | null): ExportedChain {
  return begun === null || chain.first <= begun ? chain : { ...chain, complete: begun - 1 };
}

function noteRecord(chain: ExportedChain, sequence: number, hash: string): void {
  if (chain.complete === undefined && sequence !== chain.last + 1) chain.complete = chain.last;
  Object.assign(chain, { last: sequence, hash });
}

/** @param arrived - the newest arrivals to write: what comes later is not signed by the checkpoints of the export */
async function* readRecords(
  source: TrailSource,
  { from, to, chain }: Span,
  arrived: Arrived,
): AsyncGenerator<RecordLine> {
  const trail = new StoredTrail(source);
  const [since, until] = [from ?? 0, to ?? Number.MAX_SAFE_INTEGER];
  const chains = chain === undefined ? await trail.listChains(since, until) : [chain];
  for (const one of chains) {
    for await (const link of trail.followChain(one, { since, until, arrived })) yield toRecordLine(link);
  }
}
