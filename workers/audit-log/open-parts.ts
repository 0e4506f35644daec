import type { PartKind } from "../../shared/audit/kind-of.ts";
import { createSecret, importSecret } from "../../shared/audit/segment.ts";

/** What a part is found by. */
interface PartName {
  chain: string;
  day: number;
  kind: PartKind;
}

/** A part that takes records, with its key. */
export interface OpenPart {
  id: number;
  key: CryptoKey;
}

/** Finds the part of a record. */
export type PartOf = (name: PartName) => OpenPart;

// A row that conflicts takes a number all the same, and writes it down: a row of sqlite_sequence for every batch.
const MAKE = `
  INSERT INTO audit_part (chain, day, kind, secret)
  SELECT value ->> 'chain', value ->> 'day', value ->> 'kind', value ->> 'secret' FROM json_each(?)
   WHERE NOT EXISTS (SELECT 1 FROM audit_part AS known
                      WHERE known.chain = value ->> 'chain' AND known.day = value ->> 'day' AND known.kind = value ->> 'kind'
                        AND known.retiring = 0 AND known.secret IS NOT NULL)
  ON CONFLICT (chain, day, kind, retiring) WHERE secret IS NOT NULL DO NOTHING`;

const READ = `
  SELECT part.id, part.chain, part.day, part.kind, part.secret FROM json_each(?) AS sent
   CROSS JOIN audit_part AS part
      ON part.chain = sent.value ->> 'chain' AND part.day = sent.value ->> 'day' AND part.kind = sent.value ->> 'kind'
     AND part.retiring = 0 AND part.secret IS NOT NULL`;

/** The parts that records go to, made where they are missing: their keys are stored before anything is encrypted. */
export async function openParts(database: D1Database, names: readonly PartName[]): Promise<PartOf> {
  const wanted = [...new Map(names.map((name) => [nameOf(name), name])).values()];
  const asked = wanted.map(({ chain, day, kind }) => ({ chain, day, kind }));
  const [, read] = await database.batch<PartName & { id: number; secret: string }>([
    database.prepare(MAKE).bind(JSON.stringify(asked.map((name) => ({ ...name, secret: createSecret() })))),
    database.prepare(READ).bind(JSON.stringify(asked)),
  ]);
  const parts = new Map<string, OpenPart>();
  for (const row of read?.results ?? []) {
    parts.set(nameOf(row), { id: row.id, key: await importSecret(row.secret) });
  }
  return (name) => {
    const part = parts.get(nameOf(name));
    if (part === undefined) throw new Error(`No part for ${name.kind} of day ${name.day}.`);
    return part;
  };
}

function nameOf({ chain, day, kind }: PartName): string {
  return `${day} ${kind} ${chain}`;
}
