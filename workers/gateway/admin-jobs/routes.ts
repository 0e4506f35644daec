import { type Context, Hono } from "hono";
import { z } from "zod";
import { policyInForce } from "../../../shared/policy/current.ts";
import { onPolicyObserved } from "../policy-changes.ts";
import { runMarkedJob } from "./run-admin-jobs.ts";

/** Most bytes of a body: a mark in JSON has 50. */
const MAX_BODY = 256;

const CHANGED_PERSON = z.object({ mark: z.uuid() });
const CHANGED_POLICY = z.object({ publication: z.int().positive() });

type Asked = Context<{ Bindings: Env }>;

/**
 * Webhooks that commands call after writing to the platform database. Unauthenticated by design: the body
 * only names a row; the work is read from the database.
 */
export const requestRoutes = new Hono<{ Bindings: Env }>();

/**
 * `POST /people/changes`: the change of a person is in force when this responds. The request is named by a
 * mark of 122 random bits, which only a writer of the database knows. A mark counts once.
 */
requestRoutes.post("/people/changes", async (c) => {
  const notice = await readNotice(c, CHANGED_PERSON);
  if (notice === null) return c.json({ error: "invalid_request" }, 400);
  const status = await runMarkedJob(c.env, notice.mark);
  if (status === "in force") return c.json({ status });
  if (status === "under way") return c.json({ status }, 202);
  return c.json({ error: status }, status === "unknown" ? 404 : 503);
});

/**
 * `POST /policy/changes`: the first subscribers have been notified of a publication when this responds, and
 * all of them shortly after. Repeated calls announce it once; an unknown publication costs one row read.
 */
requestRoutes.post("/policy/changes", async (c) => {
  const notice = await readNotice(c, CHANGED_POLICY);
  if (notice === null) return c.json({ error: "invalid_request" }, 400);
  const policy = await policyInForce(c.env, notice.publication);
  if (policy.publication < notice.publication) return c.json({ error: "unknown" }, 404);
  await onPolicyObserved(c.env, policy);
  return c.json({ status: "announced" });
});

async function readNotice<Notice>(c: Asked, schema: z.ZodType<Notice>): Promise<Notice | null> {
  const length = Number(c.req.header("content-length") ?? Number.NaN);
  if (!(length <= MAX_BODY)) return null;
  return schema.safeParse(await c.req.json().catch(() => null)).data ?? null;
}
