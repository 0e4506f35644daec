import { elastic } from "./elastic.ts";
import { type HttpForm, httpSink } from "./http-sink.ts";
import { otlpLogs } from "./otlp-logs.ts";
import { r2Archive } from "./r2-archive.ts";
import { s3 } from "./s3.ts";
import type { AuditSink } from "./sink.ts";
import { splunk } from "./splunk.ts";
import { syslog } from "./syslog.ts";
import { webhook } from "./webhook.ts";

/** Every kind of receiver over HTTP: one file, and one line here. */
export const HTTP_FORMS: readonly HttpForm[] = [s3, webhook, splunk, otlpLogs, elastic, syslog];

/** Every further place of the trail. */
export const FURTHER_SINKS: readonly AuditSink[] = [r2Archive, ...HTTP_FORMS.map((form) => httpSink(form))];
