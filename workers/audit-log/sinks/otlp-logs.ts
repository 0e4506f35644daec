import type { Link } from "../../../shared/audit/chain.ts";
import { toRecordLine } from "../../../shared/audit/export-line.ts";
import { isRecord } from "../../../shared/encoding/is-record.ts";
import {
  encodeAttributes,
  encodeResource,
  encodeTime,
  readHeaders,
} from "../../../shared/observe/otlp/encode.ts";
import { timeOf } from "./hours.ts";
import { type HttpForm, nameOf } from "./http-sink.ts";

/** INFO (OpenTelemetry logs data model, «SeverityNumber»). */
const INFO = 9;

/**
 * OpenTelemetry logs over OTLP/HTTP in JSON: one log record each, with the line of an export as its body. OTLP has no way
 * to recognise a record that comes again; the attribute `gatehouse.record.id` names it.
 */
export const otlpLogs: HttpForm = {
  name: "otlp_logs",
  address: "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
  needs: [],
  write(address, read, links) {
    const scopeLogs = [{ scope: { name: "gatehouse.trail" }, logRecords: links.map(writeRecord) }];
    const resource = encodeResource({ ENVIRONMENT: read("ENVIRONMENT") });
    return new Request(address, {
      method: "POST",
      headers: { ...readHeaders(read("OTEL_EXPORTER_OTLP_HEADERS")), "content-type": "application/json" },
      body: JSON.stringify({ resourceLogs: [{ resource, scopeLogs }] }),
    });
  },
  readAnswer(body) {
    // It does not say which ones. Those that it took are sent again with the halves, under their own ids.
    return readRejected(body) === 0 ? [] : "some";
  },
};

function writeRecord(link: Link) {
  const line = toRecordLine(link);
  const { type } = line.record;
  const traceId = line.event !== undefined && "traceId" in line.event ? line.event.traceId : undefined;
  return {
    timeUnixNano: encodeTime(timeOf(link)),
    observedTimeUnixNano: encodeTime(timeOf(link)),
    severityNumber: INFO,
    severityText: "INFO",
    eventName: `gatehouse.${type}`,
    body: { stringValue: JSON.stringify(line) },
    attributes: encodeAttributes({ "gatehouse.record.id": nameOf(link), "gatehouse.record.hash": link.hash }),
    ...(traceId !== undefined && { traceId }),
  };
}

/** How many records a partial success leaves out. An answer in another encoding, or none, says nothing of it. */
function readRejected(body: string): number {
  try {
    const answer: unknown = JSON.parse(body);
    const partial = isRecord(answer) ? answer.partialSuccess : undefined;
    return isRecord(partial) ? Number(partial.rejectedLogRecords ?? 0) || 0 : 0;
  } catch {
    return 0;
  }
}
