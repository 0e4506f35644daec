import { Hono } from "hono";
import { digestText } from "../../../shared/encoding/canonical-json.ts";
import { answerNotFound } from "../failures.tsx";
import { collectMetrics } from "./collect-metrics.ts";
import { EXPOSITION_TYPE, writeExposition } from "./exposition.ts";

/** Fewest characters of the token. A shorter one, or none, switches `/metrics` off. */
const SHORTEST_TOKEN = 32;

/** A deployment may have this secret. */
type WithToken = { METRICS_TOKEN?: string };

/**
 * `/metrics` in Prometheus' text format, for who has the token of its own. Without the secret METRICS_TOKEN there is no
 * such page, and a wrong token learns no more than a wrong address.
 */
export const metricsRoutes = new Hono<{ Bindings: Env }>();

metricsRoutes.get("/metrics", async (c) => {
  if (!isAllowed(c.env, c.req.header("Authorization"))) return await answerNotFound(c);
  return c.body(writeExposition(await collectMetrics(c.env, Date.now())), 200, {
    "Content-Type": EXPOSITION_TYPE,
    "Cache-Control": "no-store",
  });
});

/** Compares digests, so that the time of the comparison says nothing about the token. */
function isAllowed(
  { METRICS_TOKEN: token = "" }: Env & WithToken,
  authorization: string | undefined,
): boolean {
  const [, given] = /^Bearer (\S{1,512})$/.exec(authorization ?? "") ?? [];
  if (given === undefined || token.length < SHORTEST_TOKEN) return false;
  return digestText(given) === digestText(token);
}
