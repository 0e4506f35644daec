import { r2Archive } from "./r2-archive.ts";
import type { AuditSink } from "./sink.ts";

/** Every sink after the platform database: one file, and one line here. */
export const FURTHER_SINKS: readonly AuditSink[] = [r2Archive];
