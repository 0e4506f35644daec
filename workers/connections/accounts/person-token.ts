import { isPersonal } from "../../../shared/connections/entry.ts";
import { accountGate } from "../../../shared/objects/account-gate.ts";
import type { ConnectionTarget } from "../../../shared/objects/connection-gate.ts";
import { RefusedRequest } from "../connector.ts";

/**
 * The access token of the person whose session a target is; see `PersonAccount`. Throws {@link RefusedRequest} if there
 * is no account that can be used.
 *
 * @param refused - the token that the other system has just refused
 */
export async function personToken(
  env: Env,
  { name, entry, session }: ConnectionTarget,
  refused: string | null,
): Promise<string> {
  const person = session?.person;
  if (person === undefined || !isPersonal(entry)) {
    const message = `${entry.title} has no account but those of persons.`;
    const action =
      entry.kind === "mcp"
        ? "Name one whose account is used: npm run connections -- review <name> --person <e-mail address>"
        : "Publish it; each person then connects an account at /connections.";
    throw new RefusedRequest({ code: "account_needed", message, action });
  }
  const answer = await accountGate(env, name, person).token({ connection: name, person, entry }, refused);
  if (!answer.ok) throw new RefusedRequest({ ...answer.failure, sent: false });
  return answer.token;
}
