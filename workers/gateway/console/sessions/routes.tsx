import { type Context, Hono } from "hono";
import { readForm } from "../../read-form.ts";
import { nameApps, namePeople } from "../names.ts";
import type { Notice } from "../people/people-page.tsx";
import type { InConsole } from "../require-right.ts";
import { endWork, listWork, type WorkFilter, type WorkKind } from "./open-work.ts";
import { SessionsPage } from "./sessions-page.tsx";

/** `/console/sessions`: open sessions, unfinished tasks, subscriptions to events, and their end. */
export const sessionRoutes = new Hono<InConsole>();

for (const [path, kind] of [
  ["/", "session"],
  ["/tasks", "task"],
  ["/subscriptions", "subscription"],
] as const) {
  sessionRoutes.get(path, (c) => {
    const ended = /^\d{1,3}$/.test(c.req.query("ended") ?? "") ? Number(c.req.query("ended")) : null;
    const notice: Notice | undefined =
      ended === null ? undefined : { tone: "good", text: `Ended: ${ended}. Others had ended already.` };
    return show(c, kind, notice);
  });
  sessionRoutes.post(path, async (c) => {
    const form = await readForm(c.req.raw);
    const { person } = c.var.signIn;
    if (form.get("subject") !== person.id) {
      const text = "Another person signed in on this browser in the meantime. Look again.";
      return await show(c, kind, { tone: "danger", text }, 409);
    }
    const ids = form.getAll("id");
    if (ids.length === 0)
      return await show(c, kind, { tone: "danger", text: "Tick what you want to end." }, 422);
    const ended = await endWork(c.env, kind, ids, person.id);
    return c.redirect(`/console/sessions${path === "/" ? "" : path}?ended=${ended}`, 303);
  });
}

async function show(
  c: Context<InConsole>,
  kind: WorkKind,
  notice?: Notice,
  status: 200 | 409 | 422 = 200,
): Promise<Response> {
  const filter = await filterOf(c);
  const list = await listWork(c.env.PLATFORM_DB, kind, filter, c.req.query("after") ?? "", Date.now());
  const [people, apps] = await Promise.all([
    namePeople(c.env.PLATFORM_DB, [filter.person, ...list.work.map(({ person }) => person)]),
    nameApps(
      c.env,
      list.work.map(({ clientId }) => clientId),
    ),
  ]);
  const props = { kind, list, filter, people, apps, subject: c.var.signIn.person.id, links: c.var.links };
  return c.html(<SessionsPage {...props} {...(notice && { notice })} />, status);
}

/** The filter of the address; a person's e-mail address becomes their id. */
async function filterOf(c: Context<InConsole>): Promise<WorkFilter> {
  const text = (name: string) => (c.req.query(name) ?? "").trim().slice(0, 254);
  const filter = { person: text("person"), app: text("app") };
  if (!filter.person.includes("@")) return filter;
  const id = await c.env.PLATFORM_DB.prepare(`SELECT "id" FROM "user" WHERE "email" = ?`)
    .bind(filter.person.toLowerCase())
    .first<string>("id");
  return { ...filter, person: id ?? filter.person };
}
