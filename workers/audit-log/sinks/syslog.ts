import type { Link } from "../../../shared/audit/chain.ts";
import { toRecordLine } from "../../../shared/audit/export-line.ts";
import { timeOf } from "./hours.ts";
import type { HttpForm } from "./http-sink.ts";

/** Facility 13 (log audit) and severity 6 (informational): RFC 5424 §6.2.1. */
const PRIORITY = 13 * 8 + 6;

/** Most characters of a host name and of a message id, and the largest sequence id (§6.2.4, §6.2.7, §7.3.1). */
const [HOST_LENGTH, TYPE_LENGTH, LARGEST] = [255, 32, 2_147_483_647];

/**
 * Lines of RFC 5424, posted as text: one a record, with the record in its message. A record that comes again is the same
 * line to the byte, and its message holds chain, sequence and hash.
 */
export const syslog: HttpForm = {
  name: "syslog",
  address: "AUDIT_SYSLOG_URL",
  needs: [],
  write(address, read, links) {
    const host = new URL(read("PUBLIC_URL")).hostname.slice(0, HOST_LENGTH);
    const token = read("AUDIT_SYSLOG_TOKEN");
    const headers = {
      "Content-Type": "text/plain; charset=utf-8",
      ...(token !== "" && { Authorization: `Bearer ${token}` }),
    };
    const body = links.map((link) => `${writeLine(host, link)}\n`).join("");
    return new Request(address, { method: "POST", headers, body });
  },
};

function writeLine(host: string, link: Link): string {
  const line = toRecordLine(link);
  const { sequence, type } = line.record;
  const at = new Date(timeOf(link)).toISOString();
  // Records of the first format had no type of their own.
  const kind = (type ?? "-").slice(0, TYPE_LENGTH);
  const meta = `[origin software="Gatehouse"][meta sequenceId="${((sequence - 1) % LARGEST) + 1}"]`;
  // JSON has no line breaks of its own. The byte order mark says that the message is UTF-8 (§6.4).
  return `<${PRIORITY}>1 ${at} ${host} gatehouse - ${kind} ${meta} \ufeff${JSON.stringify(line)}`;
}
