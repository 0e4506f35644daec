import { Hono } from "hono";
import { roleHoldsRight } from "../../../../shared/policy/console.ts";
import type { InConsole } from "../require-right.ts";
import { OverviewPage } from "./overview-page.tsx";
import { readOverview } from "./read-overview.ts";
import { chooseSpan } from "./spans.ts";

/** `/console/overview`: figures of the calls, the state of every part, and what waits. It reads only. */
export const overviewRoutes = new Hono<InConsole>();

overviewRoutes.get("/", async (c) => {
  const { policy, links, signIn } = c.var;
  const now = Date.now();
  const overview = await readOverview(c.env, chooseSpan(c.req.query("span"), now), now);
  const showsTrail = roleHoldsRight(policy, signIn.person.role, "trail");
  return c.html(<OverviewPage overview={overview} links={links} showsTrail={showsTrail} />);
});
