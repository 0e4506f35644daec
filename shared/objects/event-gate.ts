import type { PrincipalIdentity } from "../call/principal.ts";
import type { JsonValue } from "../encoding/json.ts";
import type { ReceiverFault } from "../upstream/post-receiver.ts";
import { openObject } from "./open-object.ts";

/** What a subscription is, together with its person: one with the same parts is the same subscription. */
export interface SubscriptionKey {
  clientId: string;
  /** Path segment of the called URL, or `""`. */
  server: string;
  url: string;
  /** Name of the event. */
  name: string;
  /** As the client sent them. */
  arguments: Readonly<Record<string, JsonValue>>;
}

/** A subscription that begins or is renewed. */
export interface NewSubscription extends SubscriptionKey {
  identity: PrincipalIdentity;
  /** `whsec_` and base64; stored sealed. */
  secret: string;
  /** Where a new subscription begins. */
  position: string;
  /** Milliseconds; what is older when the subscription begins is not delivered. */
  maxAgeMs: number | null;
  /** Milliseconds that the client asks for; `null` for as many as possible. */
  ttlMs: number | null;
  /** Topics whose changes may have made the event happen. */
  topics: readonly string[];
  /** Milliseconds between two looks without an announcement. */
  everyMs: number;
  /** Most subscriptions of the person. */
  limit: number;
}

/** How the deliveries of a subscription go. Times are milliseconds since the epoch. */
export interface DeliveryStatus {
  active: boolean;
  lastDeliveryAt: number | null;
  lastError: ReceiverFault | null;
  failedSince: number | null;
  /** Milliseconds until the next delivery, where the limit of deliveries holds them back; else 0. */
  retryAfterMs: number;
}

/** A subscription in force. */
export interface Subscribed {
  id: string;
  /** When it ends unless it is renewed, in milliseconds since the epoch. */
  until: number;
  /** Place up to which everything was taken by the receiver or given up. */
  position: string;
  /** Of a subscription that is renewed. */
  status: DeliveryStatus | null;
}

/** The answer to a subscription. */
export type SubscribeAnswer =
  | { state: "subscribed"; subscribed: Subscribed }
  | { state: "exhausted"; limit: "subscriptions" | "verifications"; max: number }
  | { state: "unreachable"; fault: ReceiverFault };

/** A subscription as its person may see it: without its secret, and of the address the host alone. */
export interface SubscriptionSummary {
  id: string;
  clientId: string;
  server: string;
  name: string;
  host: string;
  since: number;
  until: number;
  waiting: number;
  status: DeliveryStatus;
}

/** The one object of a person's subscriptions. Implemented in `workers/objects/events`. */
export interface EventGate {
  /** Verifies the receiver, and begins or renews the subscription. Durable when it returns. */
  subscribe(subscription: NewSubscription): Promise<SubscribeAnswer>;
  /** Ends a subscription at once. `false` if there is none. */
  unsubscribe(userId: string, key: SubscriptionKey): Promise<boolean>;
  /** Subscriptions in force, oldest first. */
  list(): Promise<SubscriptionSummary[]>;
  /** Ends one subscription by its id, at the wish of its app or of a person on a page. `false` if there is none. */
  end(id: string, reason?: "unsubscribed" | "ended_on_page"): Promise<boolean>;
  /** Deletes everything; returns the number of subscriptions. */
  eraseKept(): Promise<number>;
}

/** The object of a person's subscriptions. Its name is the opaque user id. */
export function eventGate(env: Env, userId: string): EventGate {
  return openObject<EventGate>(env, env.EVENT_DELIVERIES, userId, [
    "unsubscribe",
    "list",
    "end",
    "eraseKept",
  ]);
}
