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
  const key = readSecret(secret);
  const targets: AlertTarget[] = [];
  if (webhook !== "" && key !== null) {
    targets.push({ name: "webhook", write: (message, now) => signWebhook(webhook, key, message, now) });
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

/** Standard Webhooks: `v1,` and the base64 of HMAC-SHA256 over `<id>.<seconds>.<body>`. */
async function signWebhook(
  url: string,
  secret: Uint8Array<ArrayBuffer>,
  message: AlertMessage,
  now: number,
): Promise<Request> {
  const { id, change, kind, subject, text, at, url: page } = message;
  const data = { kind, subject, text, url: page };
  const body = JSON.stringify({
    type: `gatehouse.alert.${change}`,
    timestamp: new Date(at).toISOString(),
    data,
  });
  const seconds = Math.floor(now / 1_000);
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ]);
  const signed = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(`${id}.${seconds}.${body}`));
  const signature = btoa(String.fromCharCode(...new Uint8Array(signed)));
  return post(url, body, {
    "webhook-id": id,
    "webhook-timestamp": String(seconds),
    "webhook-signature": `v1,${signature}`,
  });
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

function readSecret(text: string): Uint8Array<ArrayBuffer> | null {
  const [, base64] = /^whsec_([A-Za-z0-9+/]{32,88}={0,2})$/.exec(text) ?? [];
  if (base64 === undefined) return null;
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return bytes.length >= 24 && bytes.length <= 64 ? bytes : null;
}
