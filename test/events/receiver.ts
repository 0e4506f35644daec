import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { createHmac, randomBytes } from "node:crypto";
import type { EventDeliveries } from "../../workers/objects/events/event-deliveries.ts";
import type { ReceivedMessage, ReceiverMode } from "../support/event-receiver.ts";
import type { RpcAnswer, TestSession } from "../support/session.ts";
import { until } from "../support/until.ts";

const ORIGIN = (env as unknown as { TEST_RECEIVER: string }).TEST_RECEIVER;

export const STAGE = "crm_deal_stage_changed";

/** A secret as clients make it. */
export const makeSecret = (bytes = 32) => `whsec_${randomBytes(bytes).toString("base64")}`;

/** A receiver of the tests: a real server that keeps what it gets. */
export class Receiver {
  readonly name = crypto.randomUUID();
  readonly url: string;
  secret = makeSecret();

  constructor(mode: ReceiverMode = "takes") {
    this.url = `${ORIGIN}/box/${this.name}?mode=${mode}`;
  }

  get delivery() {
    return { mode: "webhook", url: this.url, secret: this.secret };
  }

  async set(mode: ReceiverMode): Promise<void> {
    await fetch(`${ORIGIN}/set/${this.name}?mode=${mode}`);
  }

  async all(): Promise<(ReceivedMessage & { body: ReturnType<typeof JSON.parse> })[]> {
    const seen = (await (await fetch(`${ORIGIN}/seen/${this.name}`)).json()) as ReceivedMessage[];
    return seen.map((message) => ({ ...message, body: JSON.parse(message.text) }));
  }

  /** Occurrences that it got, also those that it did not take. */
  async events() {
    return (await this.all()).filter(({ body }) => body.eventId !== undefined);
  }

  async taken() {
    return (await this.events()).filter(({ answered }) => answered === 204);
  }

  async controls(type: string) {
    return (await this.all()).filter(({ body }) => body.type === type);
  }

  /** Waits until so many occurrences arrived. */
  async wait(count: number) {
    return await until(async () => {
      const events = await this.taken();
      if (events.length < count) throw new Error(`${events.length} of ${count} events came.`);
      return events;
    });
  }

  /** Waits until so many attempts were made, and the last one was answered. */
  async attempts(count: number) {
    return await until(async () => {
      const events = await this.events();
      if (events.length < count) throw new Error(`${events.length} of ${count} attempts came.`);
      return events;
    });
  }

  async waitForControl(type: string) {
    return await until(async () => {
      const [found] = await this.controls(type);
      if (found === undefined) throw new Error(`No ${type} came.`);
      return found;
    });
  }
}

/** Whether a message is signed with this secret, by the text of Standard Webhooks. */
export function isSigned({ headers, text }: ReceivedMessage, secret: string): boolean {
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${text}`;
  const expected = `v1,${createHmac("sha256", key).update(signed).digest("base64")}`;
  return (headers["webhook-signature"] ?? "").split(" ").includes(expected);
}

/** Subscribes a receiver. */
export function subscribe(
  session: TestSession,
  receiver: Receiver,
  params: Record<string, unknown> = {},
): Promise<RpcAnswer> {
  return session.request("events/subscribe", { name: STAGE, delivery: receiver.delivery, ...params });
}

/** The object of a person's subscriptions. */
export function deliveriesOf(userId: string) {
  return env.EVENT_DELIVERIES.get(
    env.EVENT_DELIVERIES.idFromName(userId),
  ) as DurableObjectStub<EventDeliveries>;
}

/** Lets the times of a person's object come: changes its rows, and does everything that is due then. */
export async function comeTo(userId: string, sql: string, ...values: (string | number)[]): Promise<void> {
  await runInDurableObject(deliveriesOf(userId), async (object, state) => {
    // What is under way first.
    await object.alarm();
    state.storage.sql.exec(sql, ...values);
    await object.alarm();
  });
}

/** Every waiting delivery is due, and is tried. */
export const retryNow = (userId: string) => comeTo(userId, "UPDATE deliveries SET due_at = 0");

/** Every subscription looks at once, in place of waiting for an announcement. */
export const lookNow = (userId: string) =>
  comeTo(userId, "UPDATE subscriptions SET look_at = 0 WHERE ended = 0");
