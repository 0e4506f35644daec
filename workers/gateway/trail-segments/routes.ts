import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { z } from "zod";
import { segmentKey } from "../../../shared/audit/segment.ts";
import { toBase64 } from "../../../shared/encoding/base64.ts";
import { takeTicket } from "../connections/ticket.ts";

/** Most bytes of a request, and most segments that it names. */
const MAX_BODY = 16_384;
const MOST_SEGMENTS = 100;

const request = z.strictObject({
  digests: z
    .array(z.string().regex(/^[0-9a-f]{64}$/))
    .min(1)
    .max(MOST_SEGMENTS),
});

/** What commands read of the trail: segments, whose events are encrypted with keys of the platform database. */
export const trailSegmentRoutes = new Hono<{ Bindings: Env }>();

trailSegmentRoutes.post(
  "/trail/segments",
  bodyLimit({ maxSize: MAX_BODY, onError: (c) => c.json({ error: "too_large" }, 413) }),
  async (c) => {
    const isAllowed = await takeTicket(c.env.PLATFORM_DB, c.req.header("authorization"), Date.now());
    if (!isAllowed) return c.json({ error: "forbidden" }, 403);
    const read = request.safeParse(await c.req.json().catch(() => null));
    if (!read.success) return c.json({ error: "invalid_request" }, 400);
    return new Response(streamSegments(c.env.AUDIT_SEGMENTS, read.data.digests), {
      headers: { "Content-Type": "application/x-ndjson", "Cache-Control": "no-store" },
    });
  },
);

/** A line for each segment that is there, read one after the other. */
function streamSegments(bucket: R2Bucket, digests: readonly string[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let next = 0;
  return new ReadableStream({
    async pull(controller) {
      const digest = digests[next];
      next += 1;
      if (digest === undefined) return controller.close();
      const object = await bucket.get(segmentKey(digest));
      const data = object === null ? null : toBase64(await object.arrayBuffer());
      controller.enqueue(encoder.encode(data === null ? "\n" : `${JSON.stringify({ digest, data })}\n`));
    },
  });
}
