import type { Link } from "../../../shared/audit/chain.ts";
import { toRecordLine } from "../../../shared/audit/export-line.ts";

/** Milliseconds of the hour that one folder holds. */
const HOUR_MS = 60 * 60_000;

/** The content type of {@link writeLines}. */
export const LINES_TYPE = "application/x-ndjson";

/** Records by the folder of their hour (UTC), `2026-11-29/12`, in the order given. */
export function groupByHour(links: readonly Link[]): Map<string, Link[]> {
  return Map.groupBy(links, (link) =>
    new Date(Math.floor(timeOf(link) / HOUR_MS) * HOUR_MS).toISOString().slice(0, 13).replace("T", "/"),
  );
}

/** Records as lines of an export. */
export function writeLines(links: readonly Link[]): string {
  return links.map((link) => `${JSON.stringify(toRecordLine(link))}\n`).join("");
}

/** When a record was made, in milliseconds since the epoch. */
export function timeOf({ body }: Link): number {
  return (JSON.parse(body) as { at: number }).at;
}
