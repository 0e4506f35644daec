import { DurableObject } from "cloudflare:workers";
import { openKeyring } from "../../../shared/auth/keyring.ts";
import { openSealedText, sealText } from "../../../shared/auth/seal-text.ts";
import { ToolError } from "../../../shared/call/tool-error.ts";
import type {
  AccountGate,
  AccountResult,
  AccountState,
  AccountTarget,
  ExchangeTarget,
  TokenAnswer,
} from "../../../shared/objects/account-gate.ts";
import type { ConnectionFailure } from "../../../shared/objects/connection-gate.ts";
import { log, logFailure } from "../../../shared/observe/log.ts";
import { OAuthFault } from "../../connections/oauth/fault.ts";
import type { Grant, PendingGrant } from "../../connections/oauth/grant.ts";
import { ExchangedTokens } from "./exchanged-tokens.ts";

/** Milliseconds before its end at which a token is renewed. */
const MARGIN_MS = 60_000;

/** Milliseconds that a person has at the other system's pages. */
const PENDING_MS = 10 * 60_000;

/** Milliseconds without a new try after a failed renewal: the first, and the longest. */
const COOL_MS = { first: 5_000, longest: 5 * 60_000 };

interface Kept {
  state: "connected" | "reconnect";
  since: number;
  issuer: string;
  scope: string;
  /** The address that the tokens are for; see {@link Grant}. */
  resource: string;
  /** A {@link Grant}, sealed; `null` once the other side ended it. */
  sealed: string | null;
}

interface Pending {
  sealed: string;
  until: number;
}

/**
 * One person's account at one connection. The object is the only place that renews its tokens: whatever the number of
 * calls at a moment, one renewal is under way, and each of them reads the grant again when it has ended.
 */
export class PersonAccount extends DurableObject<Env> implements AccountGate {
  #renewing: Promise<void> | undefined;
  #cool = { until: 0, failures: 0 };
  readonly #waiting = new Set<() => void>();
  readonly #exchanged = new ExchangedTokens(this.env, this.ctx.storage);
  /** How often the person disconnected the account: what began before must not bring it back. */
  #disconnects = 0;

  async begin(target: AccountTarget): Promise<AccountResult<{ url: string }>> {
    return await this.#explained(target, async () => {
      const { beginGrant } = await import("../../connections/oauth/grant.ts");
      const { pending, url } = await beginGrant(this.env, target);
      const kept: Pending = { sealed: await this.#seal(target, pending), until: Date.now() + PENDING_MS };
      await this.ctx.storage.put("pending", kept);
      await this.#exchanged.wakeBy(kept.until);
      return { url };
    });
  }

  async finish(target: AccountTarget, callback: string): Promise<AccountResult<object>> {
    return await this.#explained(target, async () => {
      const disconnects = this.#disconnects;
      const pending = await this.ctx.storage.get<Pending>("pending");
      // Used once, whatever comes of it.
      await this.ctx.storage.delete("pending");
      if (pending === undefined || pending.until < Date.now())
        throw new OAuthFault("Nothing was begun here, or too long ago. Begin again.", {
          attempt: "callback",
        });
      const { finishGrant, revokeGrant } = await import("../../connections/oauth/grant.ts");
      const begun = await this.#open<PendingGrant>(target, pending.sealed);
      const grant = await finishGrant(this.env, target, begun, new URL(callback));
      const sealed = await this.#seal(target, grant);
      const earlier = await this.#kept();
      if (this.#disconnects !== disconnects) {
        await revokeGrant(this.env, target.connection, grant);
        throw new OAuthFault("You disconnected the account meanwhile. Begin again.");
      }
      await this.#keep(target, grant, { sealed, since: Date.now() });
      // The tokens that this connection replaces are of no more use to anyone.
      this.ctx.waitUntil(this.#revoke(target, earlier));
      this.#cool = { until: 0, failures: 0 };
      for (const resolve of this.#waiting) resolve();
      return {};
    });
  }

  async token(target: AccountTarget, refused: string | null) {
    const grant = await this.#read(target);
    if (grant === null)
      return { ok: false as const, failure: needed(target, (await this.#kept()) !== undefined) };
    if (!isFor(target, grant))
      return { ok: false as const, failure: { ...needed(target, true), attempt: "other_address" as const } };
    if (isFresh(grant) && grant.accessToken !== refused)
      return { ok: true as const, token: grant.accessToken };
    this.#renewing ??= this.#renew(target, refused).finally(() => {
      this.#renewing = undefined;
    });
    try {
      await this.#renewing;
    } catch {
      return { ok: false as const, failure: this.#cooling(target) };
    }
    const renewed = await this.#read(target);
    if (renewed === null || !isFor(target, renewed))
      return { ok: false as const, failure: needed(target, true) };
    return { ok: true as const, token: renewed.accessToken };
  }

  async state(resource: string): Promise<AccountState> {
    const kept = await this.#kept();
    if (kept === undefined) return { state: "none", since: null, issuer: null, scope: null };
    const { since, issuer, scope } = kept;
    const state = kept.resource === resource ? kept.state : "reconnect";
    return { state, since, issuer: URL.parse(issuer)?.host ?? null, scope };
  }

  async disconnect(target: Pick<AccountTarget, "connection" | "person">): Promise<{ revoked: boolean }> {
    const kept = await this.#kept();
    this.#disconnects += 1;
    await this.#exchanged.forget();
    // First here: what the other side does must not keep a token alive.
    await this.ctx.storage.deleteAll();
    await this.#forgetNote(target.connection, target.person);
    return { revoked: await this.#revoke(target, kept) };
  }

  async awaitConnected(resource: string, ms: number): Promise<boolean> {
    const isConnected = async () => (await this.state(resource)).state === "connected";
    if (await isConnected()) return true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    const timer = setTimeout(resolve, ms);
    await promise;
    clearTimeout(timer);
    this.#waiting.delete(resolve);
    return await isConnected();
  }

  async exchange(target: ExchangeTarget, refused: string | null): Promise<TokenAnswer> {
    const answer = await this.#exchanged.take(target, refused);
    // For administrators, and for what ends the tokens of a person.
    if (answer.ok && answer.isNew) await this.#note(target, "connected");
    return answer.ok ? { ok: true, token: answer.token } : answer;
  }

  async forgetExchanged({ connection, person }: Pick<AccountTarget, "connection" | "person">): Promise<void> {
    await this.#exchanged.forget();
    if ((await this.#kept()) === undefined) await this.#forgetNote(connection, person);
  }

  /** An authorization that was not finished, and exchanged tokens that have ended. */
  override async alarm(): Promise<void> {
    const now = Date.now();
    const pending = await this.ctx.storage.get<Pending>("pending");
    if (pending !== undefined && pending.until <= now) await this.ctx.storage.delete("pending");
    const next = await this.#exchanged.deleteEnded(now);
    const waiting = pending !== undefined && pending.until > now ? [pending.until] : [];
    const ends = [...waiting, ...(next === null ? [] : [next])];
    if (ends.length > 0) await this.ctx.storage.setAlarm(Math.min(...ends));
  }

  async #renew(target: AccountTarget, refused: string | null): Promise<void> {
    // Read again: another renewal may have ended since the caller looked.
    const before = await this.#kept();
    if (before?.sealed == null) return;
    const grant = await this.#open<Grant>(target, before.sealed);
    if (!isFor(target, grant)) return;
    if (isFresh(grant) && grant.accessToken !== refused) return;
    if (Date.now() < this.#cool.until) throw new Error("A renewal has just failed.");
    const { GrantGone, refreshGrant, revokeGrant } = await import("../../connections/oauth/grant.ts");
    try {
      const renewed = await refreshGrant(this.env, target, grant);
      const sealed = await this.#seal(target, renewed);
      // The person has disconnected the account meanwhile, or connected another: these tokens must not replace it.
      if (!(await this.#isStill(before)))
        return void (await revokeGrant(this.env, target.connection, renewed));
      await this.#keep(target, renewed, { sealed, since: before.since });
      this.#cool = { until: 0, failures: 0 };
    } catch (failure) {
      // Says nothing of the account that is there now.
      if (!(await this.#isStill(before))) return;
      if (failure instanceof GrantGone) return await this.#end(target, before);
      const failures = this.#cool.failures + 1;
      const pause = Math.min(COOL_MS.first * 2 ** (failures - 1), COOL_MS.longest);
      this.#cool = { until: Date.now() + pause, failures };
      logFailure("account_not_renewed", failure, { connection: target.connection });
      throw failure;
    }
  }

  /** The other side ended the grant: the person has to connect again. */
  async #end(target: AccountTarget, kept: Kept): Promise<void> {
    await this.ctx.storage.put("account", { ...kept, state: "reconnect", sealed: null } satisfies Kept);
    await this.#note(target, "reconnect");
    log("info", "account_ended", { connection: target.connection });
  }

  /** Whether the account is the one that was read before. */
  async #isStill({ sealed }: Kept): Promise<boolean> {
    return (await this.#kept())?.sealed === sealed;
  }

  /** Has the tokens of an account that is here no more revoked at the other side. Whether it said that it did. */
  async #revoke(
    target: Pick<AccountTarget, "connection" | "person">,
    kept: Kept | undefined,
  ): Promise<boolean> {
    if (kept?.sealed == null) return false;
    const grant = await this.#open<Grant>(target, kept.sealed);
    const { revokeGrant } = await import("../../connections/oauth/grant.ts");
    return await revokeGrant(this.env, target.connection, grant);
  }

  /** Stores the account. `sealed` comes with it: nothing may happen between a look at the account and this. */
  async #keep(
    target: AccountTarget,
    { server, scope, resource, grantEndsAt }: Grant,
    { sealed, since }: { sealed: string; since: number },
  ): Promise<void> {
    const kept: Kept = { state: "connected", since, issuer: server.issuer, scope, resource, sealed };
    await this.ctx.storage.put("account", kept);
    await this.#note(target, "connected", grantEndsAt ?? null);
  }

  /** `endsAt`: when the grant ends, in milliseconds since the epoch. Noted again when that moves by an hour or more. */
  async #note(
    { connection, person }: Pick<AccountTarget, "connection" | "person">,
    state: Kept["state"],
    endsAt: number | null = null,
  ): Promise<void> {
    await this.env.PLATFORM_DB.prepare(
      `INSERT INTO person_account (connection, user_id, state, changed_at, expires_at) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET state = excluded.state, changed_at = excluded.changed_at, expires_at = excluded.expires_at
        WHERE state <> excluded.state OR abs(ifnull(expires_at, 0) - ifnull(excluded.expires_at, 0)) > 3600000`,
    )
      .bind(connection, person, state, Date.now(), endsAt)
      .run()
      .catch((failure: unknown) => logFailure("account_not_noted", failure, { connection }));
  }

  async #forgetNote(connection: string, person: string): Promise<void> {
    await this.env.PLATFORM_DB.prepare("DELETE FROM person_account WHERE user_id = ? AND connection = ?")
      .bind(person, connection)
      .run();
  }

  async #read(target: Pick<AccountTarget, "connection" | "person">): Promise<Grant | null> {
    const kept = await this.#kept();
    return kept?.sealed == null ? null : await this.#open<Grant>(target, kept.sealed);
  }

  #kept(): Promise<Kept | undefined> {
    return this.ctx.storage.get<Kept>("account");
  }

  #seal(target: Pick<AccountTarget, "connection" | "person">, value: object): Promise<string> {
    return sealText(openKeyring(this.env, "CONNECTION_SECRETS_KEY"), aboutOf(target), JSON.stringify(value));
  }

  async #open<Value>(target: Pick<AccountTarget, "connection" | "person">, sealed: string): Promise<Value> {
    const keyring = openKeyring(this.env, "CONNECTION_SECRETS_KEY");
    const text = await openSealedText(keyring, aboutOf(target), sealed);
    if (text === null)
      throw new Error(`The tokens of ${target.connection} cannot be opened with the present keys.`);
    return JSON.parse(text) as Value;
  }

  #cooling({ entry }: AccountTarget): ConnectionFailure {
    const retryAfter = Math.max(1, Math.ceil((this.#cool.until - Date.now()) / 1_000));
    const message = `The person's account at ${entry.title} cannot be renewed right now.`;
    return { code: "unavailable", message, retryAfter };
  }

  async #explained<Value>(
    { connection, entry }: AccountTarget,
    work: () => Promise<Value>,
  ): Promise<AccountResult<Value>> {
    try {
      return { ok: true, ...(await work()) };
    } catch (failure) {
      if (failure instanceof OAuthFault) {
        log("warn", "account_not_connected", { connection, reason: failure.message });
        return { ok: false, message: failure.message, ...(failure.attempt && { attempt: failure.attempt }) };
      }
      if (failure instanceof ToolError) {
        const isElsewhere = failure.code === "forbidden";
        return { ok: false, message: failure.message, ...(isElsewhere && { attempt: "address" }) };
      }
      const eventId = logFailure("account_not_connected", failure, { connection });
      return { ok: false, message: `${entry.title} cannot be connected right now. Event id: ${eventId}.` };
    }
  }
}

function needed({ entry }: AccountTarget, isEnded: boolean): ConnectionFailure {
  const message = isEnded
    ? `The person's account at ${entry.title} has to be connected again.`
    : `The person has not connected an account at ${entry.title}.`;
  return { code: "account_needed", message };
}

/** Whether the person agreed to send the tokens to the address of this entry: the entry may name another one now. */
function isFor({ entry }: AccountTarget, { resource }: Grant): boolean {
  return resource === entry.reach.url;
}

function isFresh({ expiresAt }: Grant): boolean {
  return expiresAt === null || expiresAt - Date.now() > MARGIN_MS;
}

function aboutOf({ connection, person }: Pick<AccountTarget, "connection" | "person">): string[] {
  return ["person account", connection, person];
}
