import { readWebhookSecret, signWebhook } from "../../../shared/auth/standard-webhook.ts";
import { fetchOutside } from "../../../shared/upstream/outside-fetch.ts";

/** Milliseconds that a target has for its answer. */
const TIMEOUT_MS = 10_000;

/** A deployment may have these secrets. */
interface WithTargets {
  ALERT_WEBHOOK_URL?: string;
  /** `whsec_` and the base64 of 24 to 64 bytes. */
  ALERT_WEBHOOK_SECRET?: string;
  ALERT_SLACK_URL?: string;
}

/** A change of an alert, as a target is told it. */
export interface AlertMessage {
  /** The same at every try, so that a receiver can leave out what it has. */
  id: string;
  change: "begun" | "resolved" | "test";
  kind: string;
  subject: string;
  text: string;
  /** Milliseconds since the epoch. */
  at: number;
  /** Page of the console. */
  url: string;
}

/** A place that is told of alerts. */
export interface AlertTarget {
  name: "webhook" | "slack";
  /** Makes the request that tells it. `now` in milliseconds since the epoch. */
  write(message: AlertMessage, now: number): Promise<Request>;
}

/** The targets of this deployment. A webhook without a secret is none: its receiver could not tell it from a forged one. */
export function listTargets(env: Env & WithTargets): AlertTarget[] {
  const {
    ALERT_WEBHOOK_URL: webhook = "",
    ALERT_WEBHOOK_SECRET: secret = "",
    ALERT_SLACK_URL: slack = "",
  } = env;
  const key = readWebhookSecret(secret);
  const targets: AlertTarget[] = [];
  if (webhook !== "" && key !== null) {
    targets.push({ name: "webhook", write: (message, now) => writeWebhook(webhook, key, message, now) });
  }
  if (slack !== "") {
    targets.push({
      name: "slack",
      write: async (message) => post(slack, JSON.stringify({ text: writeSlack(message) })),
    });
  }
  return targets;
}

/** Sends a request to a public address over https, without following redirects. Throws unless the answer is 2xx. */
export async function sendAlert(request: Request): Promise<void> {
  const answer = await fetchOutside(request, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`The target answered ${answer.status}.`);
}

async function writeWebhook(
  url: string,
  secret: Uint8Array<ArrayBuffer>,
  message: AlertMessage,
  now: number,
): Promise<Request> {
  const { id, change, kind, subject, text, at, url: page } = message;
  const data = { kind, subject, text, url: page };
  const timestamp = new Date(at).toISOString();
  const body = JSON.stringify({ type: `gatehouse.alert.${change}`, timestamp, data });
  return post(url, body, await signWebhook(secret, id, now, body));
}

function writeSlack({ change, kind, text, url }: AlertMessage): string {
  const mark = { begun: ":red_circle:", resolved: ":large_green_circle:", test: ":white_circle:" }[change];
  const what = { begun: "Alert", resolved: "Over", test: "Test" }[change];
  // Slack's own markup begins with these three characters only.
  const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return `${mark} *${what}: ${kind.replaceAll("_", " ")}* ${escaped} <${url}|Console>`;
}

function post(url: string, body: string, headers: Record<string, string> = {}): Request {
  return new Request(url, {
    method: "POST",
    body,
    headers: { "Content-Type": "application/json", ...headers },
  });
}
