import { type Context, Hono } from "hono";
import { z } from "zod";
import { policyInForce } from "../../../shared/policy/current.ts";
import { onPolicyObserved } from "../policy-changes.ts";
import { runMarkedJob } from "./run-admin-jobs.ts";

/** Longest body, in bytes: a mark in JSON has 50. */
const MAX_BODY = 256;

const CHANGED_PERSON = z.object({ mark: z.uuid() });
const CHANGED_POLICY = z.object({ publication: z.int().positive() });

type Asked = Context<{ Bindings: Env }>;

/**
 * What commands tell that have changed the platform database. No token is needed, and none would help: what is to be
 * done stands in the database alone.
 */
export const requestRoutes = new Hono<{ Bindings: Env }>();

/**
 * `POST /people/changes`: the change of a person is in force when the answer is there. It stands under a mark of 122
 * random bits that only who can write there knows. A mark counts once.
 */
requestRoutes.post("/people/changes", async (c) => {
  const notice = await readNotice(c, CHANGED_PERSON);
  if (notice === null) return c.json({ error: "invalid_request" }, 400);
  const status = await runMarkedJob(c.env, notice.mark);
  if (status === "in force") return c.json({ status });
  return c.json({ error: status }, status === "unknown" ? 404 : 503);
});

/**
 * `POST /policy/changes`: the first of those who wait have been told of a publication when the answer is there, and all
 * of them a while later. It is announced once, whoever asks how often; one that the database does not have costs a row.
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
