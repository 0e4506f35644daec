import type { Link } from "../../../shared/audit/chain.ts";
import { toRecordLine } from "../../../shared/audit/export-line.ts";
import { isRecord } from "../../../shared/encoding/is-record.ts";
import { timeOf } from "./hours.ts";
import { type HttpForm, nameOf } from "./http-sink.ts";
import { type RefusedRecord, TryLater } from "./refusals.ts";

/** The receiver has a document of this id already. */
const CONFLICT = 409;

/** Milliseconds to wait when the receiver has no room for some documents. */
const BUSY_MS = 60_000;

/**
 * The bulk interface of Elasticsearch and OpenSearch. Each record is created under its own id, so one that comes again is
 * a conflict and stays there once.
 */
export const elastic: HttpForm = {
  name: "elastic",
  address: "AUDIT_ELASTIC_URL",
  needs: ["AUDIT_ELASTIC_KEY"],
  write(address, read, links) {
    const body = links
      .flatMap((link) => [
        { create: { _id: nameOf(link) } },
        { "@timestamp": new Date(timeOf(link)).toISOString(), ...toRecordLine(link) },
      ])
      .map((line) => `${JSON.stringify(line)}\n`)
      .join("");
    const url = `${address.replace(/\/+$/, "")}/_bulk?filter_path=errors,items.*.status,items.*.error.type`;
    const headers = {
      "Content-Type": "application/x-ndjson",
      Authorization: `ApiKey ${read("AUDIT_ELASTIC_KEY")}`,
    };
    return new Request(url, { method: "POST", headers, body });
  },
  readAnswer(body, links) {
    const answer: unknown = JSON.parse(body);
    if (!isRecord(answer)) throw new TypeError("The receiver's answer is no object.");
    if (answer.errors !== true) return [];
    if (!Array.isArray(answer.items) || answer.items.length !== links.length)
      throw new TypeError("The receiver's answer does not name every record.");
    const refused = answer.items.flatMap((item: unknown, index) => readItem(item, links[index]));
    return refused;
  },
};

function readItem(item: unknown, link: Link | undefined): RefusedRecord[] {
  const created = isRecord(item) ? item.create : undefined;
  if (!isRecord(created) || link === undefined)
    throw new TypeError("An item of the receiver's answer is none.");
  const status = Number(created.status);
  if (status === CONFLICT || (status >= 200 && status < 300)) return [];
  if (status === 429 || status === 503)
    throw new TryLater(`The receiver answered ${status} for a record.`, BUSY_MS);
  if (status !== 400 && status !== 413) throw new Error(`The receiver answered ${status} for a record.`);
  const type = isRecord(created.error) ? String(created.error.type) : "";
  const kind = /^[a-z_]{1,60}$/.test(type) ? ` (${type})` : "";
  return [{ link, reason: `The receiver answered ${status}${kind}.` }];
}
