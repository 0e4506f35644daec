import { type Context, Hono } from "hono";
import { listAlerts, sendTest } from "../../alerts/run-alerts.ts";
import { listTargets } from "../../alerts/targets.ts";
import { readForm } from "../../read-form.ts";
import type { InConsole } from "../require-right.ts";
import { AlertsPage } from "./alerts-page.tsx";

/** `/console/alerts`: what is wrong or was, and a test of the targets. */
export const alertRoutes = new Hono<InConsole>();

alertRoutes.get("/", (c) => show(c));

alertRoutes.post("/test", async (c) => {
  const form = await readForm(c.req.raw);
  if (form.get("subject") !== c.var.signIn.person.id)
    return await show(
      c,
      { tone: "danger", text: "Another person signed in on this browser in the meantime." },
      409,
    );
  const told = Object.entries(await sendTest(c.env, Date.now()));
  const failed = told.filter(([, ok]) => !ok).map(([name]) => name);
  if (told.length === 0) return await show(c, { tone: "danger", text: "No target is configured." }, 409);
  if (failed.length > 0)
    return await show(c, { tone: "danger", text: `Not taken by: ${failed.join(", ")}. The log says why.` });
  return await show(c, { tone: "good", text: `Taken by: ${told.map(([name]) => name).join(", ")}.` });
});

async function show(
  c: Context<InConsole>,
  notice?: { tone: "good" | "danger"; text: string },
  status: 200 | 409 = 200,
) {
  const alerts = await listAlerts(c.env.PLATFORM_DB);
  const targets = listTargets(c.env).map(({ name }) => name);
  const props = {
    alerts,
    targets,
    rules: c.var.policy.alerts,
    subject: c.var.signIn.person.id,
    links: c.var.links,
  };
  return c.html(<AlertsPage {...props} {...(notice && { notice })} />, status);
}
