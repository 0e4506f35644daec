import type { ConnectionEntry } from "../../../shared/connections/entry.ts";
import { ASKS_NOTHING, type ConnectionTarget } from "../../../shared/objects/connection-gate.ts";
import { type ExchangeIdentity, sessionOf } from "../../connections/accounts/session-of.ts";

/**
 * The session in which a command looks at a connection as a person sees it, by user id or e-mail address. Without a
 * person there is none.
 */
export async function sessionFor(
  env: Env,
  entry: ConnectionEntry,
  named: string | undefined,
): Promise<{ session?: NonNullable<ConnectionTarget["session"]> }> {
  if (named === undefined) return {};
  const found = await env.PLATFORM_DB.prepare(
    `SELECT "id" AS userId, "role" FROM "user" WHERE ("id" = ?1 OR "email" = lower(?1)) AND "disabled" = 0`,
  )
    .bind(named)
    .first<ExchangeIdentity>();
  const isHttp = entry.kind === "mcp" || entry.kind === "openapi";
  const own = found !== null && isHttp ? sessionOf(entry, found) : undefined;
  // Of a person who is not there nothing is signed, and no account is found.
  return { session: own ?? { person: found?.userId ?? named, asks: ASKS_NOTHING } };
}
