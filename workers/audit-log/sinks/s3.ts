import { digestText } from "../../../shared/encoding/canonical-json.ts";
import { groupByHour, LINES_TYPE, writeLines } from "./hours.ts";
import type { HttpForm } from "./http-sink.ts";

/**
 * S3, and what speaks its protocol, as JSON lines by hour: the objects of the archive in R2 under
 * `<AUDIT_S3_URL>/trail/`. Requests are signed with Signature Version 4, the body included. An object that is written
 * again is replaced, so each record is there once.
 */
export const s3: HttpForm = {
  name: "s3",
  address: "AUDIT_S3_URL",
  needs: ["AUDIT_S3_REGION", "AUDIT_S3_KEY_ID", "AUDIT_S3_SECRET"],
  divide: (links) => [...groupByHour(links).values()],
  async write(address, read, links, part) {
    const [folder = ""] = groupByHour(links).keys();
    const body = writeLines(links);
    const { AwsV4Signer } = await import("aws4fetch");
    const signed = await new AwsV4Signer({
      method: "PUT",
      url: `${address.replace(/\/+$/, "")}/trail/${folder}/${part}.jsonl`,
      headers: { "Content-Type": LINES_TYPE, "X-Amz-Content-Sha256": digestText(body) },
      body,
      service: "s3",
      region: read("AUDIT_S3_REGION"),
      accessKeyId: read("AUDIT_S3_KEY_ID"),
      secretAccessKey: read("AUDIT_S3_SECRET"),
    }).sign();
    return new Request(signed.url, { method: "PUT", headers: signed.headers, body });
  },
};
