import type { Checkpoint } from "../../shared/audit/checkpoint.ts";
import type { ExportedChain, ExportLine } from "../../shared/audit/export-line.ts";
import type { AuditRecord } from "../../shared/audit/record.ts";
import { quoteText } from "../people/statements.ts";

/** Rows that are read at once. */
const PAGE = 5_000;

/** A span of time in milliseconds since the epoch, both ends included; `null` for no bound. */
export interface Span {
  from: number | null;
  to: number | null;
}

/** Asks the platform database one question, written out as SQL. */
export type Ask = (sql: string) => Promise<Record<string, string | number | null>[]>;

/**
 * Writes the audit trail as lines of an export, which `verifyExport` reads. Everything that arrives while it runs is
 * left to the next export, so that checkpoints and records fit together.
 */
export async function* exportLines(
  ask: Ask,
  environment: string,
  span: Span,
  at: number,
): AsyncGenerator<ExportLine> {
  const [bound] = await ask(
    "SELECT (SELECT max(id) FROM audit_record) AS id, (SELECT max(number) FROM audit_checkpoint) AS number",
  );
  const [lastId, lastNumber] = [Number(bound?.id ?? 0), Number(bound?.number ?? 0)];
  yield { line: "export", version: 1, environment, at, ...span };

  const chains: ExportedChain[] = [];
  let records = 0;
  for await (const { record, hash } of readRecords(ask, span, lastId)) {
    const { chain, sequence } = record;
    const current = chains.at(-1);
    if (current?.chain === chain) Object.assign(current, { last: sequence, hash });
    else chains.push({ chain, first: sequence, last: sequence, hash });
    records += 1;
    yield { line: "record", record, hash };
  }

  const rows = await ask(
    `SELECT body, signature FROM audit_checkpoint WHERE number <= ${lastNumber}
        AND body ->> '$.at' >= ${span.from ?? 0} ORDER BY number`,
  );
  for (const { body, signature } of rows) {
    const checkpoint = JSON.parse(String(body)) as Checkpoint;
    yield { line: "checkpoint", checkpoint, signature: String(signature) };
  }
  yield { line: "end", records, checkpoints: rows.length, chains };
}

async function* readRecords(
  ask: Ask,
  { from, to }: Span,
  lastId: number,
): AsyncGenerator<{ record: AuditRecord; hash: string }> {
  let after = `(${quoteText("")}, 0)`;
  for (let full = true; full; ) {
    const rows = await ask(
      `SELECT chain, sequence, hash, body FROM audit_record
        WHERE (chain, sequence) > ${after} AND id <= ${lastId}
          AND at BETWEEN ${from ?? 0} AND ${to ?? Number.MAX_SAFE_INTEGER}
        ORDER BY chain, sequence LIMIT ${PAGE}`,
    );
    for (const { body, hash } of rows) {
      yield { record: JSON.parse(String(body)) as AuditRecord, hash: String(hash) };
    }
    const last = rows.at(-1);
    if (last) after = `(${quoteText(String(last.chain))}, ${Number(last.sequence)})`;
    full = rows.length === PAGE;
  }
}
