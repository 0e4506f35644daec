import { toRecordLine } from "../../../shared/audit/export-line.ts";
import { readWebhookSecret, signWebhook } from "../../../shared/auth/standard-webhook.ts";
import { timeOf } from "./hours.ts";
import type { HttpForm } from "./http-sink.ts";

/**
 * A webhook signed by Standard Webhooks: one message a window, `gatehouse.trail.records`, with the lines of an export. The
 * same records have the same `webhook-id` at every try, by which the receiver leaves out what it has.
 */
export const webhook: HttpForm = {
  name: "webhook",
  address: "AUDIT_WEBHOOK_URL",
  needs: ["AUDIT_WEBHOOK_SECRET"],
  async write(address, read, links, part) {
    const secret = readWebhookSecret(read("AUDIT_WEBHOOK_SECRET"));
    if (secret === null)
      throw new TypeError("AUDIT_WEBHOOK_SECRET is not whsec_ and the base64 of 24 to 64 bytes.");
    const last = links.at(-1);
    const body = JSON.stringify({
      type: "gatehouse.trail.records",
      timestamp: new Date(last === undefined ? 0 : timeOf(last)).toISOString(),
      data: { records: links.map(toRecordLine) },
    });
    const headers = {
      "Content-Type": "application/json",
      ...(await signWebhook(secret, `trail_${part}`, Date.now(), body)),
    };
    return new Request(address, { method: "POST", headers, body });
  },
};
