import { hashPassword } from "better-auth/crypto";
import { addPerson } from "../../../shared/people/statements.ts";
import { Browser } from "../../demo/browser.ts";
import { authorize, discover, registerClient } from "../../demo/oauth.ts";

/** Number of concurrent users, each with an app of their own. */
const PEOPLE = 8;
const PASSWORD = "gatehouse-bench-door";

/**
 * Adds people to a running gateway and signs each of them in through discovery, registration, sign-in form,
 * consent form and code exchange, as their client would. Returns an access token of each for `mcpUrl`.
 */
export async function signPeopleIn(database: D1Database, mcpUrl: string, people = PEOPLE): Promise<string[]> {
  const passwordHash = await hashPassword(PASSWORD);
  const at = new Date().toISOString();
  const { discovery } = await discover(mcpUrl);
  const tokens: string[] = [];
  for (let number = 1; number <= people; number += 1) {
    const id = `bench-${number}`;
    const email = `${id}@gatehouse.example`;
    const person = { id, accountId: `${id}-password`, email, name: id, role: "admin", passwordHash, at };
    const statements = addPerson(person).split(/(?<=;)\n/);
    await database.batch(statements.map((statement) => database.prepare(statement)));
    const clientId = await registerClient(discovery, "Gatehouse bench");
    const account = { email, password: PASSWORD };
    tokens.push((await authorize(discovery, clientId, new Browser(), account, () => {})).accessToken);
  }
  return tokens;
}
