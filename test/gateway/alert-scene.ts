import { env } from "cloudflare:workers";
import { vi } from "vitest";

/** The moment at which the tests look for alerts. */
export const NOW = Date.UTC(2026, 10, 29, 12, 30);
export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
/** A name that is markup, for pages that must escape it. */
export const HOSTILE = "<script>alert(1)</script>";

/** An environment in which every target of alerts is set up. */
export const ALL = {
  ...env,
  ALERT_WEBHOOK_URL: "https://hooks.example.com/x",
  ALERT_WEBHOOK_SECRET: `whsec_${btoa("k".repeat(32))}`,
  ALERT_SLACK_URL: "https://slack.example.com/x",
  ALERT_TEAMS_URL: "https://teams.example.com/x",
  ALERT_PAGERDUTY_KEY: "R0UT1NG",
  ALERT_EMAIL_URL: "https://mail.example.com/emails",
  ALERT_EMAIL_KEY: "m41l",
  ALERT_EMAIL_FROM: "gatehouse@example.com",
  ALERT_EMAIL_TO: "ada@example.com, bob@example.com",
} as Env;

/** Sends nothing; keeps what would be sent. */
export function keep() {
  const sent: { host: string; body: string; headers: Headers }[] = [];
  const send = async (request: Request) => {
    sent.push({ host: new URL(request.url).host, body: await request.text(), headers: request.headers });
  };
  return { sent, send };
}

/** An alert of a connection that fails. */
export const SUBJECT = { kind: "connection" as const, subject: "shop", text: "The connection shop fails." };

const TABLES = [
  "alert_delivery",
  "alert",
  "alert_silence",
  "dead_letter",
  "call_figure",
  "call_entry",
  "known_use",
  "known_country",
  "connection_secret",
  "person_account",
  "access_key",
];

/** Empties what alerts are found from and what is noted of them; errors that are expected are not printed. */
export async function forgetAlerts(): Promise<void> {
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  await env.PLATFORM_DB.batch(TABLES.map((table) => env.PLATFORM_DB.prepare(`DELETE FROM ${table}`)));
}
