import { Hono } from "hono";
import type { InConsole } from "../require-right.ts";
import { listRecords } from "./list-records.ts";
import { TrailPage } from "./trail-page.tsx";

/** `/console/trail`: the stored records, of all chains or of one. It reads only. */
export const trailRoutes = new Hono<InConsole>();

trailRoutes.get("/", async (c) => {
  const chain = c.req.query("chain")?.slice(0, 200) || null;
  const before = /^\d{1,15}$/.test(c.req.query("before") ?? "")
    ? Number(c.req.query("before"))
    : Number.MAX_SAFE_INTEGER;
  const list = await listRecords(c.env.PLATFORM_DB, chain, before);
  return c.html(<TrailPage {...list} chain={chain} links={c.var.links} />);
});
