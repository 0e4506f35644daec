import type { PrincipalIdentity } from "../../call/principal.ts";
import { JSON_RPC, ProtocolFault } from "../../call/protocol-fault.ts";
import type { RequestContext } from "../../guard/request-context.ts";
import type { Pace } from "../../objects/change-gate.ts";
import { personGate } from "../../objects/change-gate.ts";
import { logFailure } from "../../observe/log.ts";
import { policyInForce } from "../../policy/current.ts";
import type { Catalogue } from "../../server/catalogue.ts";
import { readAdmitted, unknownResource } from "../methods/handlers.ts";
import { refreshSubscriber, type Subscriber } from "../subscriptions/subscriber.ts";
import {
  beginWatch,
  type ChangeNotice,
  type Fingerprints,
  findChanges,
  LISTS,
  listUris,
  topicsOf,
} from "../subscriptions/watch.ts";

/** Most resources that one session may watch. Each is read again after every change of its server. */
const SUBSCRIPTION_LIMIT = 20;

/** The stored watch: fingerprints that the client knows, its identity, and the session's address. */
interface Kept {
  known: Fingerprints;
  identity: PrincipalIdentity;
  binding: string;
  /** Whether the client has ever opened a stream for notifications. */
  listens: boolean;
}

/** What a session's object provides to its watch. */
interface WatchedSession {
  env: Env;
  catalogue: Catalogue;
  storage: DurableObjectStorage;
  /** Name of the session's object. */
  name: string;
  /** Whether a stream for notifications is open. */
  hasStream(): boolean;
  /** Sends a notification on that stream. */
  tell(notice: ChangeNotice): void;
  /** Closes the session's streams, because its access has ended. */
  end(): void;
}

/**
 * The subscriptions of a session, kept through hibernation: its lists, from its first stream or resource on
 * (MCP 2025-11-25, `listChanged`), and the resources it subscribed to (`resources/subscribe`). A change wakes
 * a session without a stream only once; its next stream begins with the missed notifications.
 */
export class SessionWatch {
  readonly #session: WatchedSession;
  #kept: Kept | undefined;

  private constructor(session: WatchedSession, kept: Kept | undefined) {
    this.#session = session;
    this.#kept = kept;
  }

  static async open(session: WatchedSession): Promise<SessionWatch> {
    return new SessionWatch(session, await session.storage.get<Kept>("watch"));
  }

  /** Subscribes to a resource that the caller can read. Throws a {@link ProtocolFault} for any other. */
  async add(ctx: RequestContext, uri: string, binding: string): Promise<void> {
    const known = this.#kept?.known ?? new Map();
    if (!known.has(uri) && listUris(known).length >= SUBSCRIPTION_LIMIT) {
      const text = `A session can subscribe to ${SUBSCRIPTION_LIMIT} resources. Unsubscribe from one first.`;
      throw new ProtocolFault(JSON_RPC.invalidParams, text);
    }
    // A read through the guard, so that it is decided, counted and recorded.
    const { ctx: admitted } = await readAdmitted(ctx, uri);
    const begun = await beginWatch(admitted, { uris: [uri], lists: known.size === 0 ? LISTS : [] });
    if (!begun.has(uri)) throw unknownResource(ctx, uri);
    const { listens = false } = this.#kept ?? {};
    await this.#keep({
      known: this.#with(begun),
      identity: withoutName(admitted.identity),
      binding,
      listens,
    });
  }

  /**
   * The client has opened a stream for notifications: sends the list changes since its last one, and later
   * ones as they happen.
   */
  async listen(identity: PrincipalIdentity, binding: string, publication: number): Promise<void> {
    const { env } = this.#session;
    const policy = await policyInForce(env, publication);
    const catalogue = await this.#session.catalogue.at(env, policy.revisions);
    const subscriber = { env, catalogue, identity, policy };
    await this.#tellFrom(subscriber);
    const begun = await beginWatch(subscriber, { uris: [], lists: this.#kept ? [] : LISTS });
    await this.#keep(
      { known: this.#with(begun), identity: withoutName(identity), binding, listens: true },
      true,
    );
  }

  /** Replaces the stored rights by those of a later request. */
  async follow(identity: PrincipalIdentity): Promise<void> {
    if (!this.#kept) return;
    const { grantId, scopes } = this.#kept.identity;
    if (grantId === identity.grantId && String(scopes) === String(identity.scopes)) return;
    this.#kept = { ...this.#kept, identity: withoutName(identity) };
    await this.#session.storage.put("watch", this.#kept);
  }

  async remove(uri: string): Promise<void> {
    if (!this.#kept || !listUris(this.#kept.known).includes(uri)) return;
    const known = new Map(this.#kept.known);
    known.delete(uri);
    const waits = this.#kept.listens || listUris(known).length > 0;
    await this.#keep(waits ? { ...this.#kept, known } : undefined);
  }

  /**
   * Notifications for the stream of a call that changed something: updates of watched resources, and of lists
   * with them. Without watched resources it reads nothing, because list changes are sent on the other stream.
   */
  async changesAfterCall(subscriber: Subscriber): Promise<ChangeNotice[]> {
    return this.#kept && listUris(this.#kept.known).length > 0 ? await this.#readChanges(subscriber) : [];
  }

  async #tellFrom(subscriber: Subscriber): Promise<void> {
    for (const notice of await this.#readChanges(subscriber)) this.#session.tell(notice);
  }

  /** Changes for a subscriber whose rights are known. */
  async #readChanges(subscriber: Subscriber): Promise<ChangeNotice[]> {
    if (!this.#kept) return [];
    const { known, notices } = await findChanges(subscriber, this.#kept.known);
    // The client may have subscribed or unsubscribed meanwhile.
    const now: Fingerprints = this.#kept?.known ?? new Map();
    if (notices.length > 0 && this.#kept) {
      const still = [...now].map(
        ([key, before]) => [key, known.has(key) ? (known.get(key) ?? null) : before] as const,
      );
      this.#kept = { ...this.#kept, known: new Map(still) };
      await this.#session.storage.put("watch", this.#kept);
    }
    return notices.filter(({ params }) => params === undefined || now.has(params.uri));
  }

  /**
   * Another session changed something: notifies the client. `false` if no client waits here or its access has
   * ended.
   *
   * @param publication - lowest publication of the policy to use
   */
  async hear(publication: number): Promise<boolean> {
    if (!this.#kept || !this.#waits(this.#kept)) return false;
    const { env, catalogue } = this.#session;
    const { identity } = this.#kept;
    const subscriber = await refreshSubscriber({ env, catalogue, identity }, publication);
    if (subscriber !== null) {
      await this.#tellFrom(subscriber);
      return true;
    }
    await this.#keep(undefined);
    this.#session.end();
    return false;
  }

  /** Unsubscribes an ended session. If that fails, a hub drops it after the next notification. */
  async leave(): Promise<void> {
    try {
      await this.#keep(undefined);
    } catch (failure) {
      logFailure("watch_not_left", failure, { server: this.#session.catalogue.name });
    }
  }

  /** Subscribes again at the hubs, which drop a subscriber after a day. */
  async renew(): Promise<void> {
    if (this.#kept && this.#waits(this.#kept))
      await this.#subscribe(await this.#topicsOf(this.#kept), this.#kept);
  }

  /** A subscription counts without a stream too: its notifications are kept for the next one. */
  #waits({ known }: Kept): boolean {
    return this.#session.hasStream() || listUris(known).length > 0;
  }

  #with(begun: Fingerprints): Fingerprints {
    return new Map([...(this.#kept?.known ?? []), ...begun]);
  }

  /**
   * @param force - whether to subscribe at the hubs even without a change, because they may have dropped the
   * session
   */
  async #keep(kept: Kept | undefined, force = false): Promise<void> {
    const earlier = this.#kept;
    const address = kept ?? earlier;
    // Before anything is awaited: another subscription may come meanwhile.
    this.#kept = kept;
    const [before, now] = await Promise.all([this.#topicsOf(earlier), this.#topicsOf(kept)]);
    if (kept) await this.#session.storage.put("watch", kept);
    else await this.#session.storage.delete("watch");
    if (!address) return;
    const fresh = [...now].filter(([topic, pace]) => force || before.get(topic) !== pace);
    const gone = [...before.keys()].filter((topic) => !now.has(topic));
    await this.#subscribe(new Map(fresh), address, gone);
  }

  /** With the servers that the publication in force brings: those of a connection have topics too. */
  async #topicsOf(kept: Kept | undefined): Promise<ReadonlyMap<string, Pace>> {
    if (kept === undefined) return new Map();
    const { env, catalogue } = this.#session;
    const current = await policyInForce(env)
      .then(({ revisions }) => catalogue.at(env, revisions))
      .catch(() => catalogue);
    return topicsOf(current, kept.known);
  }

  async #subscribe(
    topics: ReadonlyMap<string, Pace>,
    { binding, identity: { userId } }: Kept,
    gone: readonly string[] = [],
  ): Promise<void> {
    const { env, name } = this.#session;
    await Promise.all([
      ...[...topics].map(([topic, pace]) =>
        personGate(env, topic, userId).subscribe({ binding, name }, { userId, pace }),
      ),
      ...gone.map((topic) => personGate(env, topic, userId).subscribe({ binding, name }, null)),
    ]);
  }
}

/** Reading needs the user's id, not their name. */
function withoutName(identity: PrincipalIdentity): PrincipalIdentity {
  return { ...identity, email: "", name: "" };
}
