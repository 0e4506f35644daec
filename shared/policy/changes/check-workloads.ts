import type { PlatformDatabase } from "../../encoding/platform-database.ts";
import { quoteText } from "../../encoding/quote-text.ts";
import type { PolicyDocument } from "../schema.ts";

/** An account that rules name, as the database has it. */
interface Account {
  id: string;
  proof: string;
  /** Milliseconds since the epoch. */
  ends_at: number;
}

/**
 * Warns of rules for workloads whose service account is not there, was made for another proof, or has ended: their
 * workloads get no token. A sentence for each account, with the rules that name it. Asks the database only for a policy
 * that has such rules.
 *
 * @param now - milliseconds since the epoch
 */
export async function findLostWorkloads(
  database: PlatformDatabase,
  document: Pick<PolicyDocument, "sign_in">,
  now: number,
): Promise<string[]> {
  const named = Object.entries(document.sign_in?.workloads ?? {}).flatMap(([name, { rules }]) =>
    rules.map(({ account }, index) => ({ account, rule: `sign_in.workloads.${name}.rules[${index}]` })),
  );
  if (named.length === 0) return [];
  const byAccount = Map.groupBy(named, ({ account }) => account);
  const ids = quoteText(JSON.stringify([...byAccount.keys()]));
  const rows = (await database.query(
    `SELECT access_key.id, proof, ifnull((SELECT max(ends_at) FROM access_key_secret WHERE key_id = access_key.id), 0) AS ends_at
       FROM access_key WHERE access_key.id IN (SELECT value FROM json_each(${ids}));`,
  )) as unknown as Account[];
  const known = new Map(rows.map((row) => [row.id, row]));
  return [...byAccount].flatMap(([id, rules]) => {
    const fault = findFault(known.get(id), now);
    if (fault === null) return [];
    return [
      `${rules.map(({ rule }) => rule).join(", ")}: the service account ${id} ${fault}, so these workloads get no token.`,
    ];
  });
}

function findFault(account: Account | undefined, now: number): string | null {
  if (account === undefined) return "does not exist";
  if (account.proof !== "workload") return "was not made for workloads";
  return account.ends_at <= now ? "has ended" : null;
}
