import { Hono } from "hono";
import { z } from "zod";
import { readMarked } from "./admin-request.ts";
import { carryOut } from "./carry-out.ts";

/** Longest body, in bytes: a mark in JSON has 50. */
const MAX_BODY = 256;

const NOTICE = z.object({ mark: z.uuid() });

/**
 * `POST /people/changes`: whoever changed a person in the platform database says so, and the change is in force when
 * the answer is there. No token is needed, and none would help: what is to be done stands in the database alone, under
 * a mark of 122 random bits that only who can write there knows. A mark counts once.
 */
export const requestRoutes = new Hono<{ Bindings: Env }>();

requestRoutes.post("/people/changes", async (c) => {
  const length = Number(c.req.header("content-length") ?? Number.NaN);
  if (!(length <= MAX_BODY)) return c.json({ error: "invalid_request" }, 400);
  const notice = NOTICE.safeParse(await c.req.json().catch(() => null));
  if (!notice.success) return c.json({ error: "invalid_request" }, 400);
  const request = await readMarked(c.env.PLATFORM_DB, notice.data.mark);
  if (request === undefined) return c.json({ error: "unknown" }, 404);
  return (await carryOut(c.env, request)) ? c.json({ status: "in force" }) : c.json({ error: "failed" }, 503);
});
