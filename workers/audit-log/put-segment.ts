import { encodeSegment, sealEvent, segmentKey } from "../../shared/audit/segment.ts";
import type { PartOf } from "./open-parts.ts";
import type { PlacedLink } from "./store-records.ts";
import type { TrailBindings } from "./trail-source.ts";

/** Records of a part that follow each other in a segment. */
export interface SegmentSpan {
  part: number;
  first: number;
  last: number;
}

/** A segment in the bucket. */
export interface StoredSegment {
  digest: string;
  spans: SegmentSpan[];
}

/**
 * Writes records, sorted by chain and sequence, into the bucket. The same records make the same object, so that one which
 * is put again, because what came after it failed, replaces itself.
 */
export async function putSegment(
  { AUDIT_SEGMENTS }: Pick<TrailBindings, "AUDIT_SEGMENTS">,
  links: readonly PlacedLink[],
  partOf: PartOf,
): Promise<StoredSegment> {
  const spans: SegmentSpan[] = [];
  const lines = await Promise.all(
    links.map(async (link, index) => {
      const { id, key } = partOf(link);
      const span = spans.at(-1);
      const follows = links[index - 1]?.chain === link.chain && span?.last === link.sequence - 1;
      if (span !== undefined && follows && span.part === id) span.last = link.sequence;
      else spans.push({ part: id, first: link.sequence, last: link.sequence });
      return { body: link.body, hash: link.hash, part: id, sealed: await sealEvent(key, link) };
    }),
  );
  const { digest, bytes } = await encodeSegment(lines);
  await AUDIT_SEGMENTS.put(segmentKey(digest), bytes, {
    httpMetadata: { contentType: "application/x-ndjson", contentEncoding: "gzip" },
  });
  return { digest, spans };
}
