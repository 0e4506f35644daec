import { openKeyring } from "../../../shared/auth/keyring.ts";
import { openSealedText, sealText } from "../../../shared/auth/seal-text.ts";
import { canonicalize, digestText } from "../../../shared/encoding/canonical-json.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { ExchangeTarget, TokenAnswer } from "../../../shared/objects/account-gate.ts";
import type { ConnectionFailure } from "../../../shared/objects/connection-gate.ts";
import { log } from "../../../shared/observe/log.ts";
import { RefusedRequest } from "../../connections/connector.ts";

/** Milliseconds without a new try after a failed exchange: the first, and the longest. */
const COOL_MS = { first: 5_000, longest: 5 * 60_000 };

const PREFIX = "exchanged ";

interface Kept {
  /** What it was asked with: entry, caller and role. Under others it does not count. */
  asked: string;
  sealed: string;
  freshUntil: number;
  endsAt: number;
}

interface Cooling {
  asked: string;
  until: number;
  failures: number;
  failure: ConnectionFailure;
}

/** A token of {@link ExchangedTokens}. `isNew`: it was exchanged for this call. */
type TakenToken = { ok: true; token: string; isNew: boolean } | Extract<TokenAnswer, { ok: false }>;

/**
 * The tokens that were exchanged for one person and their API keys at one connection, sealed. For each caller one
 * exchange is under way, whatever the number of calls at a moment, and a failed one is not repeated at once.
 */
export class ExchangedTokens {
  readonly #env: Env;
  readonly #storage: DurableObjectStorage;
  readonly #running = new Map<string, { asked: string; work: Promise<TakenToken> }>();
  readonly #cooling = new Map<string, Cooling>();
  /** How often everything was forgotten: what began before must not bring it back. */
  #forgets = 0;

  constructor(env: Env, storage: DurableObjectStorage) {
    this.#env = env;
    this.#storage = storage;
  }

  /** A token for an assertion about the caller: the kept one, or a new one. */
  async take(target: ExchangeTarget, refused: string | null): Promise<TakenToken> {
    const { sub } = target.caller;
    const asked = fingerprint(target);
    const forgets = this.#forgets;
    const known = await this.#read(target, asked, refused);
    if (known !== null) return { ok: true, token: known, isNew: false };
    const running = this.#running.get(sub);
    if (running?.asked === asked) {
      const answer = await running.work;
      if (!answer.ok) return answer;
      // It may have begun before the other system refused this one.
      return answer.token === refused ? await this.take(target, refused) : { ...answer, isNew: false };
    }
    const work = this.#exchange(target, { asked, refused, forgets }).finally(() => {
      if (this.#running.get(sub)?.work === work) this.#running.delete(sub);
    });
    this.#running.set(sub, { asked, work });
    return await work;
  }

  /** Forgets every token, also those that are on their way. */
  async forget(): Promise<void> {
    this.#forgets += 1;
    this.#running.clear();
    this.#cooling.clear();
    await this.#storage.delete([...(await this.#list()).keys()]);
  }

  /** Deletes what has ended. When the next one ends, in milliseconds since the epoch; `null` for none. */
  async deleteEnded(now: number): Promise<number | null> {
    const kept = [...(await this.#list())];
    await this.#storage.delete(kept.filter(([, { endsAt }]) => endsAt <= now).map(([key]) => key));
    const ends = kept.map(([, { endsAt }]) => endsAt).filter((endsAt) => endsAt > now);
    return ends.length === 0 ? null : Math.min(...ends);
  }

  async #exchange(
    target: ExchangeTarget,
    { asked, refused, forgets }: { asked: string; refused: string | null; forgets: number },
  ): Promise<TakenToken> {
    const { connection, caller } = target;
    // Read again: another exchange may have ended since the caller looked.
    const known = await this.#read(target, asked, refused);
    if (known !== null) return { ok: true, token: known, isNew: false };
    const cooling = this.#cooling.get(caller.sub);
    const isCooling = cooling?.asked === asked && Date.now() < cooling.until;
    if (isCooling) return { ok: false, failure: withPause(cooling) };
    const { exchangeToken } = await import("../../connections/oauth/exchange.ts");
    try {
      const { token, ...times } = await exchangeToken(this.#env, target);
      const keyring = openKeyring(this.#env, "CONNECTION_SECRETS_KEY");
      const sealed = await sealText(keyring, aboutOf(target, asked), token);
      if (this.#forgets !== forgets) return { ok: false, failure: ended(target) };
      await this.#storage.put<Kept>(PREFIX + caller.sub, { asked, sealed, ...times });
      await this.wakeBy(times.endsAt);
      this.#cooling.delete(caller.sub);
      return { ok: true, token, isNew: true };
    } catch (thrown) {
      if (!(thrown instanceof RefusedRequest)) throw thrown;
      if (this.#forgets !== forgets) return { ok: false, failure: ended(target) };
      const failures = (cooling?.asked === asked ? cooling.failures : 0) + 1;
      const pause = Math.min(COOL_MS.first * 2 ** (failures - 1), COOL_MS.longest);
      const { failure } = thrown;
      // What the other side tried is told once, by the call that met it.
      const { attempt, ...again } = failure;
      const now: Cooling = { asked, until: Date.now() + pause, failures, failure: again };
      this.#cooling.set(caller.sub, now);
      log("warn", "token_not_exchanged", { connection, reason: failure.message });
      return { ok: false, failure: { ...withPause(now), ...(attempt && { attempt }) } };
    }
  }

  async #read(target: ExchangeTarget, asked: string, refused: string | null): Promise<string | null> {
    const kept = await this.#storage.get<Kept>(PREFIX + target.caller.sub);
    if (kept === undefined || kept.asked !== asked || kept.freshUntil <= Date.now()) return null;
    const keyring = openKeyring(this.#env, "CONNECTION_SECRETS_KEY");
    // A key that is gone leaves a token that no one can open: another one is exchanged.
    const token = await openSealedText(keyring, aboutOf(target, asked), kept.sealed);
    return token === refused ? null : token;
  }

  #list(): Promise<Map<string, Kept>> {
    return this.#storage.list<Kept>({ prefix: PREFIX });
  }

  /** Sets the object's alarm, unless an earlier one is set. */
  async wakeBy(at: number): Promise<void> {
    const planned = await this.#storage.getAlarm();
    if (planned === null || planned > at) await this.#storage.setAlarm(at);
  }
}

/** A changed entry or role is another question, whose answer is not there yet. */
function fingerprint({ entry, caller }: ExchangeTarget): string {
  const { auth, reach, secret = null } = entry;
  return digestText(canonicalize([auth, reach.url, secret, caller] as unknown as JsonValue));
}

function aboutOf({ connection, person, caller }: ExchangeTarget, asked: string): string[] {
  return ["exchanged token", connection, person, caller.sub, asked];
}

function withPause({ failure, until }: Cooling): ConnectionFailure {
  return { ...failure, retryAfter: Math.max(1, Math.ceil((until - Date.now()) / 1_000)) };
}

function ended({ entry }: ExchangeTarget): ConnectionFailure {
  const message = `The person's rights changed while a token for ${entry.title} was asked for.`;
  return { code: "unavailable", message, retryAfter: 1 };
}
