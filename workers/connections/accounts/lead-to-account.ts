import { z } from "zod";
import { elicitsOf } from "../../../shared/call/client-abilities.ts";
import type { PrincipalIdentity } from "../../../shared/call/principal.ts";
import { ToolError } from "../../../shared/call/tool-error.ts";
import type { ConnectionEntry } from "../../../shared/connections/entry.ts";
import { accountGate } from "../../../shared/objects/account-gate.ts";
import type { ConnectionFailure } from "../../../shared/objects/connection-gate.ts";
import type { AskingContext } from "../../../shared/server/define.ts";

/** Milliseconds that a call waits while its person connects an account. */
const WAIT_MS = 5 * 60_000;

/** The connection that needs an account, and whose. */
interface AccountPlace {
  env: Env;
  name: string;
  entry: Extract<ConnectionEntry, { kind: "mcp" | "openapi" }>;
  principal: PrincipalIdentity;
}

/** What leads a person to the page of their accounts, once for each call. */
export class AccountGuide {
  readonly #place: AccountPlace;
  #wasLed = false;

  constructor(place: AccountPlace) {
    this.#place = place;
  }

  /**
   * Sends the person to the page where they connect their account, and waits until it is connected. Throws
   * {@link ToolError} with the address for a client that cannot open pages, and when it was not connected.
   */
  async lead(
    { ask, pauseFor, abilities }: Partial<Pick<AskingContext, "ask" | "pauseFor" | "abilities">>,
    { message }: Pick<ConnectionFailure, "message">,
  ): Promise<void> {
    const { env, name, entry, principal } = this.#place;
    const url = `${env.PUBLIC_URL}/connections/${name}`;
    const refuse = () =>
      new ToolError("forbidden", `${message} They can do so at ${url}`, {
        suggestedAction: "Show the person this link. Once the account is connected, repeat the same call.",
      });
    if (this.#wasLed || ask === undefined || pauseFor === undefined || !elicitsOf(abilities).url)
      throw refuse();
    this.#wasLed = true;
    const question = { message: `${message} Open the page to connect your account at ${entry.title}.`, url };
    const answer = await ask({ ...question, schema: z.object({}), key: "connect_account" });
    if (answer.action !== "accept") throw refuse();
    const gate = accountGate(env, name, principal.userId);
    if (!(await pauseFor(gate.awaitConnected(entry.reach.url, WAIT_MS)))) throw refuse();
  }
}
