import { timingSafeEqual } from "node:crypto";
import { signWebhook } from "../../../shared/auth/standard-webhook.ts";
import { toBase64Url } from "../../../shared/encoding/base64.ts";
import { isRecord } from "../../../shared/encoding/is-record.ts";
import { faultOfStatus, postToReceiver, type ReceiverFault } from "../../../shared/upstream/post-receiver.ts";

/** What a message to a receiver is signed with, and names. */
export interface Envelope {
  secrets: readonly Uint8Array<ArrayBuffer>[];
  subscriptionId: string;
  messageId: string;
}

/** Signs a message for a receiver: Standard Webhooks, and the subscription that it belongs to. */
export async function sealEnvelope(
  { secrets, subscriptionId, messageId }: Envelope,
  body: string,
  now: number,
) {
  const signed = await Promise.all(secrets.map((secret) => signWebhook(secret, messageId, now, body)));
  const headers = {
    ...Object.assign({}, ...signed),
    "Content-Type": "application/json",
    "webhook-signature": signed.map((one) => one["webhook-signature"]).join(" "),
    "X-MCP-Subscription-Id": subscriptionId,
  };
  return { headers, body };
}

/** The id of a message about a subscription, in place of an occurrence. */
export function nameMessage(type: string): string {
  return `msg_${type}_${crypto.randomUUID().replaceAll("-", "")}`;
}

/**
 * Asks a receiver whether it wants deliveries (SEP-3415, «Endpoint verification»): it gives a value back that it
 * cannot guess. Returns why not, or `null`.
 */
export async function verifyReceiver(
  env: Env,
  url: string,
  secret: Uint8Array<ArrayBuffer>,
  subscriptionId: string,
): Promise<ReceiverFault | null> {
  const challenge = toBase64Url(crypto.getRandomValues(new Uint8Array(32)));
  const messageId = nameMessage("verification");
  const body = JSON.stringify({ type: "verification", challenge });
  const message = await sealEnvelope({ secrets: [secret], subscriptionId, messageId }, body, Date.now());
  const answer = await postToReceiver(env, url, message, true);
  if ("fault" in answer) return answer.fault;
  if (answer.status < 200 || answer.status > 299) return faultOfStatus(answer.status);
  return isSame(challenge, readChallenge(answer.text)) ? null : "challenge_failed";
}

function readChallenge(text: string): string {
  try {
    const answer: unknown = JSON.parse(text);
    return isRecord(answer) && typeof answer.challenge === "string" ? answer.challenge : "";
  } catch {
    return "";
  }
}

/** Takes the same time for every wrong answer of the right length. */
function isSame(expected: string, given: string): boolean {
  const [one, other] = [expected, given].map((text) => new TextEncoder().encode(text));
  return one !== undefined && other?.length === one.length && timingSafeEqual(one, other);
}
