import { toRecordLine } from "../../../shared/audit/export-line.ts";
import { timeOf } from "./hours.ts";
import { type HttpForm, nameOf } from "./http-sink.ts";

/** Codes of an answer that are about an event: no data, its format, its `event` field, its indexed fields. */
const ABOUT_DATA = /"code"\s*:\s*(?:5|6|12|13|15)\b/;

/**
 * Splunk's HTTP Event Collector. Splunk has no way to recognise an event that comes again; the indexed field
 * `gatehouse_id` names the record, so that a search can leave it out.
 */
export const splunk: HttpForm = {
  name: "splunk",
  address: "AUDIT_SPLUNK_URL",
  needs: ["AUDIT_SPLUNK_TOKEN"],
  write(address, read, links) {
    const body = links
      .map((link) =>
        JSON.stringify({
          time: timeOf(link) / 1_000,
          host: new URL(read("PUBLIC_URL")).host,
          source: "gatehouse",
          sourcetype: "gatehouse:trail",
          event: toRecordLine(link),
          fields: { gatehouse_id: nameOf(link) },
        }),
      )
      .join("\n");
    const headers = {
      "Content-Type": "application/json",
      Authorization: `Splunk ${read("AUDIT_SPLUNK_TOKEN")}`,
    };
    const url = `${address.replace(/\/+$/, "")}/services/collector/event`;
    return new Request(url, { method: "POST", headers, body });
  },
  // An index that the token may not write to, for example, is a 400 too.
  blamesSettings: (body) => body !== "" && !ABOUT_DATA.test(body),
};
