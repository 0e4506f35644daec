import { keyIdOf, openSigningKey } from "../../shared/audit/checkpoint.ts";
import { NO_RECORD } from "../../shared/audit/record.ts";
import type { ChainRemoval, Removal } from "../../shared/audit/removal.ts";
import { openKeyring } from "../../shared/auth/keyring.ts";
import { canonicalize, digestText } from "../../shared/encoding/canonical-json.ts";
import { log } from "../../shared/observe/log.ts";
import { isHeldSql } from "./legal-hold.ts";

// A hold that was set between selection and removal stops the whole removal; the next one leaves that chain out. So does
// the removal of a concurrent sweep: what it left is selected again. So does a record that arrived meanwhile before a cut.
const STATE = `
  INSERT INTO audit_removal (number, body, key_id, signature)
  SELECT ?1, ?2, ?3, ?4
   WHERE ?1 > (SELECT ifnull(max(number), 0) FROM audit_removal)
     AND NOT EXISTS (SELECT 1 FROM json_each(?5) AS chain WHERE ${isHeldSql("chain.value ->> 'chain'")})
     AND NOT EXISTS (
       SELECT 1 FROM json_each(?5) AS chain CROSS JOIN audit_part AS part
           ON part.chain = chain.value ->> 'chain' AND part.day < chain.value ->> '$.cut.day' AND part.secret IS NOT NULL)`;

/** SQL: whether this statement was written, `?1` and `?2` being its number and signature: all else depends on it. */
export const STATED = "EXISTS (SELECT 1 FROM audit_removal WHERE number = ?1 AND signature = ?2)";

const NOTE_CUT = `
  INSERT INTO audit_cut (chain, through)
  SELECT chain.value ->> 'chain', chain.value ->> '$.cut.through' FROM json_each(?3) AS chain
   WHERE ${STATED} AND chain.value ->> '$.cut.through' IS NOT NULL
  ON CONFLICT (chain) DO UPDATE SET through = max(through, excluded.through)`;

/** What a removal does: its statements have {@link STATED} as condition and `?3`, the JSON of `of`. */
export interface RemovalWork {
  /** What is stated. */
  chains: ChainRemoval[];
  /** By chain, the first day that a cut leaves; without a cut of segments none. */
  days?: ReadonlyMap<string, number>;
  statements: readonly { sql: string; of: unknown }[];
}

/**
 * Signs a removal and performs it in one transaction, so that nothing is removed without a signed statement.
 * Returns `false` and removes nothing if a hold covers any of it, or if a concurrent sweep wrote a removal
 * meanwhile.
 *
 * @param before - by event type, the time before which events are past retention
 */
export async function signRemoval(
  env: Env,
  before: Readonly<Record<string, number>>,
  { chains, days, statements }: RemovalWork,
  now: number,
): Promise<boolean> {
  const database = env.PLATFORM_DB;
  const key = await openSigningKey(openKeyring(env, "AUDIT_SIGNING_KEY")[0].secret);
  const last = await database
    .prepare("SELECT number, body FROM audit_removal ORDER BY number DESC LIMIT 1")
    .first<{ number: number; body: string }>();
  const removal: Removal = {
    version: 1,
    purpose: "removal",
    number: (last?.number ?? 0) + 1,
    at: now,
    previous: last ? digestText(last.body) : NO_RECORD,
    publicKey: key.publicKey,
    before,
    chains,
  };
  const body = canonicalize(removal);
  const signature = await key.sign(body);
  const keyId = keyIdOf(key.publicKey);
  const stated = chains.map(({ chain, cut }) => {
    const day = days?.get(chain);
    return { chain, cut: cut && { ...cut, ...(day !== undefined && { day }) } };
  });
  const [written] = await database.batch([
    database.prepare(STATE).bind(removal.number, body, keyId, signature, JSON.stringify(stated)),
    ...statements.map(({ sql, of }) =>
      database.prepare(sql).bind(removal.number, signature, JSON.stringify(of)),
    ),
    database.prepare(NOTE_CUT).bind(removal.number, signature, JSON.stringify(chains)),
  ]);
  const done = written?.meta.changes !== 0;
  log("info", "audit_removal", { number: removal.number, key_id: keyId, chains: chains.length, done });
  return done;
}
