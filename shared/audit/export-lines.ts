import { quoteText } from "../encoding/quote-text.ts";
import type { Link } from "./chain.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { type ExportedChain, type ExportLine, type RecordLine, toRecordLine } from "./export-line.ts";
import type { Removal } from "./removal.ts";

const NEWEST_REMOVAL = "SELECT max(number) FROM audit_removal";

/** Rows per read. */
const PAGE = 5_000;

/**
 * What to export: a span of time in milliseconds since the epoch, both ends included, `null` for no bound; and one chain,
 * or all of them. One chain needs a bound, because without one an export says that it has every chain.
 */
export interface Span {
  from: number | null;
  to: number | null;
  chain?: string;
}

/** Runs one SQL query on the platform database. */
export type Ask = (sql: string) => Promise<Record<string, string | number | null>[]>;

/**
 * Writes the audit trail as lines of an export, which `verifyExport` reads. Records that arrive while it runs
 * are left to the next export, so that checkpoints and records match. Throws when records are removed
 * meanwhile: an export with half of a removal would look like tampering.
 */
export async function* exportLines(
  ask: Ask,
  environment: string,
  span: Span,
  at: number,
): AsyncGenerator<ExportLine> {
  const [bound] = await ask(
    `SELECT (SELECT max(id) FROM audit_record) AS id, (SELECT max(number) FROM audit_checkpoint) AS number,
            (${NEWEST_REMOVAL}) AS removal`,
  );
  const [lastId, lastNumber] = [Number(bound?.id ?? 0), Number(bound?.number ?? 0)];
  const lastRemoval = Number(bound?.removal ?? 0);
  yield { line: "export", version: 2, environment, at, from: span.from, to: span.to };

  const cuts = await ask("SELECT chain, through FROM audit_cut");
  const cutThrough = new Map(cuts.map(({ chain, through }) => [String(chain), Number(through)]));
  const begun = (chain: string) => (span.from === null ? (cutThrough.get(chain) ?? 0) + 1 : null);
  const chains: ExportedChain[] = [];
  let records = 0;
  for await (const line of readRecords(ask, span, lastId)) {
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

async function* readRecords(ask: Ask, { from, to, chain }: Span, lastId: number): AsyncGenerator<RecordLine> {
  let after = `(${quoteText(chain ?? "")}, 0)`;
  const ofChain = chain === undefined ? "" : `AND chain = ${quoteText(chain)}`;
  for (let full = true; full; ) {
    const rows = await ask(
      `SELECT chain, sequence, hash, body, salt, event FROM audit_record
        WHERE (chain, sequence) > ${after} ${ofChain} AND id <= ${lastId}
          AND at BETWEEN ${from ?? 0} AND ${to ?? Number.MAX_SAFE_INTEGER}
        ORDER BY chain, sequence LIMIT ${PAGE}`,
    );
    for (const row of rows) yield toRecordLine(row as unknown as Link);
    const last = rows.at(-1);
    if (last) after = `(${quoteText(String(last.chain))}, ${Number(last.sequence)})`;
    full = rows.length === PAGE;
  }
}
