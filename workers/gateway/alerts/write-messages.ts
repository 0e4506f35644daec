import { signWebhook } from "../../../shared/auth/standard-webhook.ts";
import type { Mail } from "../mail/mailer.ts";
import type { AlertMessage } from "./list-targets.ts";

/** Most changes that one message for people names. */
const MOST_LINES = 20;

/** PagerDuty, Events API v2, of its US service region. */
const PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue";

/** Most characters of a summary there. */
const SUMMARY_LENGTH = 1_024;

const WHAT = { begun: "Alert", resolved: "Over", test: "Test" } as const;

/** JSON, signed by Standard Webhooks. */
export async function writeWebhook(
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

/** An incoming webhook of Slack. */
export function writeSlack(url: string, messages: readonly AlertMessage[]): Request {
  const marks = { begun: ":red_circle:", resolved: ":large_green_circle:", test: ":white_circle:" };
  // Slack's own markup begins with these three characters only.
  const escapeMarkup = (text: string) =>
    text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const lines = messages
    .slice(0, MOST_LINES)
    .map(
      ({ change, kind, text }) =>
        `${marks[change]} *${WHAT[change]}: ${nameKind(kind)}* ${escapeMarkup(text)}`,
    );
  const text = [...lines, ...sayMore(messages), `<${messages[0]?.url}|Console>`].join("\n");
  return post(url, JSON.stringify({ text }));
}

/** A webhook of a Teams workflow: a message with an Adaptive Card. */
export function writeTeams(url: string, messages: readonly AlertMessage[]): Request {
  const colors = { begun: "attention", resolved: "good", test: "default" };
  const body = messages.slice(0, MOST_LINES).flatMap(({ change, kind, text }) => [
    {
      type: "TextBlock",
      weight: "bolder",
      color: colors[change],
      text: `${WHAT[change]}: ${nameKind(kind)}`,
    },
    // Its Markdown would make formatting and links of these.
    { type: "TextBlock", wrap: true, spacing: "none", text: text.replace(/[[\]()*_#`\\<>]/g, "\\$&") },
  ]);
  const more = sayMore(messages).map((text) => ({ type: "TextBlock", wrap: true, text }));
  const content = {
    $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
    type: "AdaptiveCard",
    version: "1.4",
    body: [...body, ...more],
    actions: [{ type: "Action.OpenUrl", title: "Console", url: messages[0]?.url }],
  };
  const attachment = { contentType: "application/vnd.microsoft.card.adaptive", contentUrl: null, content };
  return post(url, JSON.stringify({ type: "message", attachments: [attachment] }));
}

/** An event of PagerDuty: beginning and end have the same key, so that the end resolves the incident. */
export function writePagerDuty(routing: string, message: AlertMessage): Request {
  const { key, change, kind, subject, text, at, url } = message;
  const payload = {
    summary: text.slice(0, SUMMARY_LENGTH),
    source: new URL(url).host,
    severity: change === "test" ? "info" : "error",
    timestamp: new Date(at).toISOString(),
    component: subject === "" ? kind : subject,
    class: kind,
  };
  const event = {
    routing_key: routing,
    event_action: change === "resolved" ? "resolve" : "trigger",
    dedup_key: `gatehouse ${new URL(url).host} ${key}`,
    ...(change !== "resolved" && { payload, links: [{ href: url, text: "Console" }] }),
  };
  return post(PAGERDUTY_URL, JSON.stringify(event));
}

/** One e-mail that names all changes. */
export function writeEmail(to: readonly string[], messages: readonly AlertMessage[]): Mail {
  const [first] = messages;
  const others = messages.length > 1 ? ` and ${messages.length - 1} more` : "";
  const subject = first === undefined ? "" : `${WHAT[first.change]}: ${nameKind(first.kind)}${others}`;
  const lines = messages
    .slice(0, MOST_LINES)
    .map(({ change, text, at }) => `${WHAT[change]} at ${new Date(at).toISOString()}: ${text}`);
  const text = [...lines, ...sayMore(messages), "", String(first?.url)].join("\n");
  return { to, subject: `[Gatehouse] ${subject}`, text, key: messages.map(({ id }) => id).join(" ") };
}

function nameKind(kind: string): string {
  return kind.replaceAll("_", " ");
}

function sayMore(messages: readonly AlertMessage[]): string[] {
  return messages.length > MOST_LINES ? [`And ${messages.length - MOST_LINES} more.`] : [];
}

function post(url: string, body: string, headers: Record<string, string> = {}): Request {
  return new Request(url, {
    method: "POST",
    body,
    headers: { "Content-Type": "application/json", ...headers },
  });
}
