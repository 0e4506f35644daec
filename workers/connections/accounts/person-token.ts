import { isExchanged, isPersonal } from "../../../shared/connections/entry.ts";
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
  const { person, caller } = session ?? {};
  const answer = await takeToken();
  if (!answer.ok) throw new RefusedRequest({ ...answer.failure, sent: false });
  return answer.token;

  function takeToken() {
    if (person !== undefined && isPersonal(entry))
      return accountGate(env, name, person).token({ connection: name, person, entry }, refused);
    if (person !== undefined && caller !== undefined && isExchanged(entry))
      return accountGate(env, name, person).exchange({ connection: name, person, entry, caller }, refused);
    throw new RefusedRequest(withoutPerson(entry));
  }
}

function withoutPerson(entry: ConnectionTarget["entry"]): RefusedRequest["failure"] {
  const message = `${entry.title} has no account but those of persons.`;
  const publish = "Publish it; each person then connects an account at /connections.";
  const look =
    "Name one whose account is used: npm run connections -- review <name> --person <e-mail address>";
  const test =
    "Name one for whom a token is exchanged: npm run connections -- test <name> --person <e-mail address>";
  const action = entry.kind === "mcp" ? look : isExchanged(entry) ? test : publish;
  return { code: "account_needed", message, action };
}

/** The other system takes no token that its authorization server gave for an assertion: another one was tried. */
export function refusedExchanged(title: string): RefusedRequest["failure"] {
  return {
    code: "forbidden",
    message: `${title} refuses the token that was exchanged for this person.`,
    action: "Ask its owner to check audience and scopes: npm run connections -- doctor <name>",
  };
}
