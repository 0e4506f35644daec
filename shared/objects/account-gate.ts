import type { ConnectionAttempt } from "../audit/record.ts";
import type { ExchangedEntry, PersonalEntry } from "../connections/entry.ts";
import type { ConnectionFailure, NamedCaller } from "./connection-gate.ts";
import { openObject } from "./open-object.ts";

/** A connection whose accounts are each person's own. */
export interface AccountTarget {
  connection: string;
  person: string;
  entry: PersonalEntry;
}

/** A connection whose tokens are exchanged for assertions, as one caller uses it. */
export interface ExchangeTarget {
  connection: string;
  /** Whose call it is: the person, or the owner of the API key. */
  person: string;
  entry: ExchangedEntry;
  caller: NamedCaller;
}

/** A token that is valid now, or why there is none. */
export type TokenAnswer = { ok: true; token: string } | { ok: false; failure: ConnectionFailure };

/** What a person knows of their account at a connection. */
export interface AccountState {
  /** `reconnect`: the other system ended it, or the connection has another address since. */
  state: "none" | "connected" | "reconnect";
  /** Milliseconds since the epoch; `null` without an account. */
  since: number | null;
  /** Host of the authorization server; `null` without an account. */
  issuer: string | null;
  scope: string | null;
}

/** A result, or one sentence of ours for the person. `attempt`: what the other side tried. */
export type AccountResult<Value> =
  | ({ ok: true } & Value)
  | { ok: false; message: string; attempt?: ConnectionAttempt };

/** A person's account at one connection: one object holds its tokens and renews them. In `workers/objects/accounts`. */
export interface AccountGate {
  /** Begins OAuth: the address that the person's browser opens. */
  begin(target: AccountTarget): Promise<AccountResult<{ url: string }>>;
  /** Ends OAuth with the address that the authorization server sent the browser to. */
  finish(target: AccountTarget, callback: string): Promise<AccountResult<object>>;
  /** An access token that is valid now. `refused` is one that the other system did not take. */
  token(target: AccountTarget, refused: string | null): Promise<TokenAnswer>;
  /** A token for an assertion about the caller. `refused` is one that the other system did not take. */
  exchange(target: ExchangeTarget, refused: string | null): Promise<TokenAnswer>;
  /** Forgets every token that was exchanged here: the person's rights have changed. */
  forgetExchanged(target: Pick<AccountTarget, "connection" | "person">): Promise<void>;
  /** The account as it is for a connection with this `reach.url`. */
  state(resource: string): Promise<AccountState>;
  /** Forgets the tokens, and has them revoked at the other side where it can. `revoked` says whether it did. */
  disconnect(target: Pick<AccountTarget, "connection" | "person">): Promise<{ revoked: boolean }>;
  /** Waits until the account is connected for this `reach.url`, at most `ms`. Whether it is. */
  awaitConnected(resource: string, ms: number): Promise<boolean>;
}

/** The object of a person's account at a connection. */
export function accountGate(env: Env, connection: string, person: string): AccountGate {
  return openObject<AccountGate>(env, env.PERSON_ACCOUNT, `${connection}:${person}`, [
    "state",
    "token",
    "exchange",
    "forgetExchanged",
  ]);
}
