import { SERVER_INFO_META_KEY, SUBSCRIPTION_ID_META_KEY } from "@modelcontextprotocol/server";
import { JSON_RPC, jsonRpcError } from "../../call/protocol-fault.ts";
import { isRecord } from "../../encoding/is-record.ts";
import { accessOf } from "../../objects/admission-request.ts";
import { delayAfter } from "../../objects/object-alarm.ts";
import { logFailure } from "../../observe/log.ts";
import { PostResponder } from "../http/post-responder.ts";
import { SERVER_INFO } from "../methods/server-info.ts";
import { listenForChanges } from "../subscriptions/changes.ts";
import { LookTimer } from "../subscriptions/look-timer.ts";
import { isSpent } from "../subscriptions/spent.ts";
import { type ListName, refreshSubscriber, type Subscriber } from "../subscriptions/subscriber.ts";
import {
  beginWatch,
  type ChangeNotice,
  describeRights,
  type Fingerprints,
  findChanges,
  listUris,
  type SubscriptionFilter,
  topicsOf,
} from "../subscriptions/watch.ts";
import type { StatelessContext } from "./stateless-exchange.ts";

/** Method that opens a notification stream (MCP 2026-07-28, `subscriptions/listen`). */
export const LISTEN = "subscriptions/listen";

/** Most resources that one stream may watch. Each is read again after every change of its server. */
const WATCHED_LIMIT = 20;

/** Member of a result's `_meta` that names the reason for which a stream ended. */
const REASON_META_KEY = "gatehouse/reason";

/** The platform limits how many queries one request may send, and a stream is one request. */
const QUERIES_SPENT =
  "This stream has sent as many queries as one request may. Listen again; a stream that watches fewer resources lasts longer.";

/** Members of a filter that ask for lists. */
const LISTS: Readonly<Record<string, ListName>> = {
  toolsListChanged: "tools",
  promptsListChanged: "prompts",
  resourcesListChanged: "resources",
};

/**
 * Serves a notification stream whose request the SDK has validated. The client is notified of changes to what
 * the policy lets it read at that moment; the stream ends when its access does, and the client opens it
 * again.
 */
export async function serveListen(
  body: Readonly<Record<string, unknown>>,
  context: StatelessContext,
): Promise<Response> {
  const { catalogue, caller } = context;
  const subscriber: Subscriber = { ...caller, catalogue };
  const wanted = readFilter(body);
  const known = await beginWatch(subscriber, wanted);
  const stream = new NotificationStream(body.id as string | number, subscriber, known, context);
  return await stream.open(describeHonored(wanted, known));
}

function readFilter({ params }: Readonly<Record<string, unknown>>): SubscriptionFilter {
  const filter = isRecord(params) && isRecord(params.notifications) ? params.notifications : {};
  const uris = Array.isArray(filter.resourceSubscriptions) ? filter.resourceSubscriptions : [];
  const lists = Object.entries(LISTS).flatMap(([member, list]) => (filter[member] === true ? [list] : []));
  return { uris: [...new Set(uris.map(String))].slice(0, WATCHED_LIMIT), lists };
}

/**
 * The part of the filter that is served, for the acknowledgement: resources that the client cannot read are
 * left out.
 */
function describeHonored({ lists }: SubscriptionFilter, known: Fingerprints): Record<string, unknown> {
  const honored: Record<string, unknown> = {};
  for (const [member, list] of Object.entries(LISTS)) if (lists.includes(list)) honored[member] = true;
  const readable = listUris(known);
  return readable.length > 0 ? { ...honored, resourceSubscriptions: readable } : honored;
}

class NotificationStream {
  readonly #id: string | number;
  readonly #answer: PostResponder;
  readonly #signal: AbortSignal;
  /** Expiry of the token in milliseconds since the epoch. Its scopes are valid no longer. */
  readonly #until: number;
  readonly #closers: (() => void)[] = [];
  #viewer: Subscriber;
  #known: Fingerprints;
  #looking: Promise<void> | undefined;
  #changed = false;
  /** Publication of the policy known to be in force. */
  #publication = 0;
  #ended = false;
  #rights = "";
  #timer: LookTimer | undefined;
  /** Looks in a row that failed. */
  #failures = 0;
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(
    id: string | number,
    subscriber: Subscriber,
    known: Fingerprints,
    { request: { signal }, caller: { expiresAt } }: StatelessContext,
  ) {
    this.#id = id;
    this.#viewer = subscriber;
    this.#known = known;
    this.#signal = signal;
    const { endsAt = Number.POSITIVE_INFINITY } = accessOf(subscriber.identity);
    this.#until = Math.min(endsAt, (expiresAt ?? Number.POSITIVE_INFINITY) * 1000);
    this.#answer = new PostResponder(() => this.#release());
  }

  async open(honored: object): Promise<Response> {
    const { env, catalogue, identity } = this.#viewer;
    const handlers = {
      onChange: (publication: number) => this.#refresh(publication),
      onBroken: () => this.#end(),
    };
    for (const [topic, pace] of topicsOf(catalogue, this.#known)) {
      const close = await listenForChanges(env, topic, { userId: identity.userId, pace }, handlers);
      if (close === null) {
        this.#release();
        return jsonRpcError(
          429,
          JSON_RPC.serverError,
          "This person has too many open streams. Close one first.",
        );
      }
      this.#closers.push(close);
    }
    this.#signal.addEventListener("abort", () => this.#release(), { once: true });
    this.#write({ method: "notifications/subscriptions/acknowledged", params: { notifications: honored } });
    if (Object.keys(honored).length === 0) this.#end();
    else {
      this.#timer = new LookTimer({
        until: this.#until,
        changesWithTime: () =>
          this.#viewer.policy.roles.get(this.#viewer.identity.role)?.changesWithTime === true,
        haveChanged: () => describeRights(this.#viewer) !== this.#rights,
        look: () => this.#refresh(),
      });
      // Changes between the first read and the first event.
      this.#refresh();
    }
    return await this.#answer.response;
  }

  /** Reads one at a time; a change during a read leads to one more. */
  #refresh(publication = 0): void {
    if (this.#ended) return;
    this.#changed = true;
    this.#publication = Math.max(this.#publication, publication);
    this.#looking ??= this.#lookUntilQuiet()
      .catch((failure: unknown) => {
        logFailure("news_not_looked_up", failure);
        if (isSpent(failure)) this.#end(QUERIES_SPENT);
        else this.#lookAgain();
      })
      .finally(() => {
        this.#looking = undefined;
      });
  }

  async #lookUntilQuiet(): Promise<void> {
    while (this.#changed && !this.#ended) {
      this.#changed = false;
      const subscriber =
        Date.now() < this.#until ? await refreshSubscriber(this.#viewer, this.#publication) : null;
      if (subscriber === null) return this.#end();
      this.#viewer = subscriber;
      this.#rights = describeRights(subscriber);
      const { known, notices, spent } = await findChanges(subscriber, this.#known);
      this.#known = known;
      for (const notice of notices) this.#write(notice);
      this.#failures = 0;
      // Without a query the stream would stay open and find no further change.
      if (spent) return this.#end(QUERIES_SPENT);
    }
  }

  /** A change is announced once: after a failure the stream looks again by itself. */
  #lookAgain(): void {
    if (this.#ended) return;
    this.#failures += 1;
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.#refresh(), delayAfter(this.#failures));
  }

  #write({ method, params }: Omit<ChangeNotice, "params"> & { params?: object }): void {
    if (this.#ended) return;
    const stamped = { ...params, _meta: { [SUBSCRIPTION_ID_META_KEY]: this.#id } };
    this.#answer.write({ jsonrpc: "2.0", method, params: stamped }, false);
  }

  /**
   * Ends the stream with its result, as the specification requires of a server.
   *
   * @param reason - left out when the client's access ended: its next request answers that
   */
  #end(reason?: string): void {
    if (this.#ended) return;
    const { title } = this.#viewer.catalogue;
    const _meta = {
      [SUBSCRIPTION_ID_META_KEY]: this.#id,
      [SERVER_INFO_META_KEY]: { ...SERVER_INFO, title },
      ...(reason !== undefined && { [REASON_META_KEY]: reason }),
    };
    const result = { resultType: "complete", _meta };
    this.#answer.write({ jsonrpc: "2.0", id: this.#id, result }, true);
    this.#release();
  }

  #release(): void {
    this.#ended = true;
    this.#timer?.stop();
    clearTimeout(this.#again);
    for (const close of this.#closers.splice(0)) close();
  }
}
