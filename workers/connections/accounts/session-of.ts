import type { PrincipalIdentity } from "../../../shared/call/principal.ts";
import { isExchanged, isPersonal, type PersonalEntry } from "../../../shared/connections/entry.ts";
import {
  ASKS_NOTHING,
  type ConnectionTarget,
  type NamedCaller,
} from "../../../shared/objects/connection-gate.ts";

/** What of an identity names it at another system. */
export type ExchangeIdentity = Pick<PrincipalIdentity, "userId" | "role"> &
  Partial<Pick<PrincipalIdentity, "clientId" | "key">>;

/**
 * Whose session a call at a connection uses, where the account is not the connection's own: no call of one person is
 * sent with the token of another. `undefined` for a connection with one account.
 */
export function sessionOf(entry: PersonalEntry, identity: ExchangeIdentity): ConnectionTarget["session"] {
  const session = { person: identity.userId, asks: ASKS_NOTHING };
  if (isExchanged(entry)) return { ...session, caller: nameCaller(identity) };
  return isPersonal(entry) ? session : undefined;
}

/** An API key is named by its own id: at the other system an agent does not pass for its owner. */
function nameCaller({ userId, clientId, key, role }: ExchangeIdentity): NamedCaller {
  const isKey = key !== undefined && clientId !== undefined;
  return { sub: isKey ? clientId : userId, role, isKey };
}
