import type { Row, TrailSource } from "../../shared/audit/read-stored.ts";
import { segmentKey } from "../../shared/audit/segment.ts";
import { log } from "../../shared/observe/log.ts";

/** What stored records are read from and written to. */
export type TrailBindings = Pick<Env, "PLATFORM_DB" | "AUDIT_SEGMENTS">;

/** Connections that an invocation has at once. */
const AT_ONCE = 6;

/** The stored trail of this deployment. */
export function trailSource({ PLATFORM_DB, AUDIT_SEGMENTS }: TrailBindings): TrailSource {
  return {
    atOnce: AT_ONCE,
    ask: async (sql) => (await PLATFORM_DB.prepare(sql).all<Row>()).results,
    fetchSegments: (digests) =>
      Promise.all(
        digests.map(async (digest) => {
          const object = await AUDIT_SEGMENTS.get(segmentKey(digest));
          if (object !== null) return new Uint8Array(await object.arrayBuffer());
          log("error", "audit_segment_missing", { digest });
          return null;
        }),
      ),
  };
}
