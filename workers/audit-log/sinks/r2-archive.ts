import { groupByHour, LINES_TYPE, writeLines } from "./hours.ts";
import type { AuditSink } from "./sink.ts";

/** A deployment may have this bucket; without it the sink is off. */
type WithArchive = { AUDIT_ARCHIVE?: R2Bucket };

/**
 * Keeps the trail in R2 as JSON lines, one folder an hour by the time of the record (UTC) and one object a window in it:
 * `trail/2026-11-29/12/000000000001-5f3a09c1.jsonl`. A line is that of an export. An object that is written again is replaced, so
 * each record is there once.
 */
export const r2Archive: AuditSink = {
  name: "r2_archive",
  isConfigured: (env: WithArchive) => env.AUDIT_ARCHIVE !== undefined,
  async write(env: WithArchive, links, window) {
    const bucket = env.AUDIT_ARCHIVE;
    if (bucket === undefined || window === undefined) throw new TypeError("AUDIT_ARCHIVE is not bound.");
    const httpMetadata = { contentType: LINES_TYPE };
    await Promise.all(
      [...groupByHour(links)].map(([folder, own]) =>
        bucket.put(`trail/${folder}/${window}.jsonl`, writeLines(own), { httpMetadata }),
      ),
    );
  },
};
