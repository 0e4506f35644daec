import type { Link } from "../../../shared/audit/chain.ts";
import { toRecordLine } from "../../../shared/audit/export-line.ts";
import type { AuditSink } from "./sink.ts";

/** Milliseconds of the hour that one folder holds. */
const HOUR_MS = 60 * 60_000;

/** A deployment may have this bucket; without it the sink is off. */
type WithArchive = { AUDIT_ARCHIVE?: R2Bucket };

/**
 * Keeps the trail in R2 as JSON lines, one folder an hour by the time of the record (UTC) and one object a window in it:
 * `trail/2026-11-29/12/000000000001.jsonl`. A line is that of an export. An object that is written again is replaced, so
 * each record is there once.
 */
export const r2Archive: AuditSink = {
  name: "r2_archive",
  isConfigured: (env: WithArchive) => env.AUDIT_ARCHIVE !== undefined,
  async write(env: WithArchive, links, window) {
    const bucket = env.AUDIT_ARCHIVE;
    if (bucket === undefined || window === undefined) throw new TypeError("AUDIT_ARCHIVE is not bound.");
    const folders = [...Map.groupBy(links, folderOf)];
    await Promise.all(
      folders.map(([folder, own]) => {
        const text = own.map((link) => `${JSON.stringify(toRecordLine(link))}\n`).join("");
        const httpMetadata = { contentType: "application/x-ndjson" };
        return bucket.put(`trail/${folder}/${window}.jsonl`, text, { httpMetadata });
      }),
    );
  },
};

/** `2026-11-29/12`. */
function folderOf({ body }: Link): string {
  const { at } = JSON.parse(body) as { at: number };
  return new Date(Math.floor(at / HOUR_MS) * HOUR_MS).toISOString().slice(0, 13).replace("T", "/");
}
