import { readWebhookSecret } from "../../../shared/auth/standard-webhook.ts";
import { type Letter, openMailer, readMailer } from "../mail/mailer.ts";
import { writeEmail, writePagerDuty, writeSlack, writeTeams, writeWebhook } from "./write-messages.ts";

/** A deployment may have these secrets. */
interface WithTargets {
  ALERT_WEBHOOK_URL?: string;
  /** `whsec_` and the base64 of 24 to 64 bytes. */
  ALERT_WEBHOOK_SECRET?: string;
  ALERT_SLACK_URL?: string;
  ALERT_TEAMS_URL?: string;
  /** Integration key of PagerDuty's Events API v2. */
  ALERT_PAGERDUTY_KEY?: string;
  /** For alerts alone, another sender than that of all e-mail: where a provider takes messages as JSON, and its key. */
  ALERT_EMAIL_URL?: string;
  ALERT_EMAIL_KEY?: string;
  ALERT_EMAIL_FROM?: string;
  /** Addresses, separated by commas. */
  ALERT_EMAIL_TO?: string;
}

/** A change of an alert, as a target is told it. */
export interface AlertMessage {
  /** The same at every try, so that a receiver can leave out what it has. */
  id: string;
  /** The same for beginning and end. */
  key: string;
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
  name: "webhook" | "slack" | "teams" | "pagerduty" | "email";
  /** Whether one message tells all changes of a run: for people. A program gets one for each. */
  groups: boolean;
  /** Whether a test opens an incident there. */
  closesTests?: boolean;
  /** Makes what tells it. `now` in milliseconds since the epoch. */
  write(messages: readonly AlertMessage[], now: number): Promise<Letter>;
}

/** The targets of this deployment. A webhook without a secret is none: its receiver could not tell it from a forged one. */
export function listTargets(env: Env & WithTargets): AlertTarget[] {
  const key = readWebhookSecret(env.ALERT_WEBHOOK_SECRET ?? "");
  const { ALERT_WEBHOOK_URL: webhook, ALERT_SLACK_URL: slack, ALERT_TEAMS_URL: teams } = env;
  const { ALERT_PAGERDUTY_KEY: routing, ALERT_EMAIL_URL: url } = env;
  const { ALERT_EMAIL_KEY: token = "", ALERT_EMAIL_FROM: from = "", ALERT_EMAIL_TO: to = "" } = env;
  const own = isSet(url) && from !== "" ? openMailer(env, { url, key: token, from, format: "resend" }) : null;
  const mailer = own ?? readMailer(env);
  const receivers = to
    .split(",")
    .map((address) => address.trim())
    .filter(Boolean);
  const targets: (AlertTarget | false)[] = [
    isSet(webhook) &&
      key !== null && {
        name: "webhook",
        groups: false,
        write: ([message], now) => writeWebhook(webhook, key, required(message), now),
      },
    isSet(slack) && { name: "slack", groups: true, write: async (messages) => writeSlack(slack, messages) },
    isSet(teams) && { name: "teams", groups: true, write: async (messages) => writeTeams(teams, messages) },
    isSet(routing) && {
      name: "pagerduty",
      groups: false,
      closesTests: true,
      write: async ([message]) => writePagerDuty(routing, required(message)),
    },
    mailer !== null &&
      receivers.length > 0 && {
        name: "email",
        groups: true,
        write: async (messages) => mailer(writeEmail(receivers, messages)),
      },
  ];
  return targets.filter((target) => target !== false);
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== "";
}

function required(message: AlertMessage | undefined): AlertMessage {
  if (message === undefined) throw new TypeError("There is nothing to tell.");
  return message;
}
