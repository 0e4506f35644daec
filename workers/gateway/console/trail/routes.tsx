import { type Context, Hono } from "hono";
import { checkStretch } from "../../../audit-log/check-stretch.ts";
import { refuse } from "../../failures.tsx";
import { nameApps, namePeople } from "../names.ts";
import type { InConsole } from "../require-right.ts";
import { CallPage } from "./call-page.tsx";
import { CallsPage } from "./calls-page.tsx";
import { CheckPage } from "./check-page.tsx";
import { downloadLines, exportCalls, exportRecords } from "./export.ts";
import { type CallFilter, readFilter, readPlace } from "./filter.ts";
import { findCalls } from "./find-calls.ts";
import { listRecords } from "./list-records.ts";
import { readCall } from "./read-call.ts";
import { RecordsPage } from "./records-page.tsx";

/** `/console/trail`: calls and records, of all people or of one. It reads only. */
export const trailRoutes = new Hono<InConsole>();

trailRoutes.get("/", async (c) => {
  const filter = await filterOf(c);
  const list = await findCalls(c.env.PLATFORM_DB, filter, readPlace(c.req.query("after")));
  const [people, apps] = await Promise.all([
    namePeople(c.env.PLATFORM_DB, [filter.person, ...list.calls.map(({ chain }) => chain)]),
    nameApps(
      c.env,
      list.calls.map(({ clientId }) => clientId),
    ),
  ]);
  return c.html(<CallsPage filter={filter} list={list} people={people} apps={apps} links={c.var.links} />);
});

trailRoutes.get("/calls/:id", async (c) => {
  const place = readPlace(c.req.param("id"));
  const full = place && (await readCall(c.env, c.var.policy, place));
  if (full === null) return await refuseUnknown(c);
  return c.html(<CallPage full={full} links={c.var.links} />);
});

trailRoutes.get("/records", async (c) => {
  const chain = c.req.query("chain")?.slice(0, 200) || null;
  const before = readNumber(c.req.query("before")) ?? Number.MAX_SAFE_INTEGER;
  const list = await listRecords(c.env, chain, before);
  return c.html(<RecordsPage {...list} chain={chain} links={c.var.links} />);
});

trailRoutes.get("/check", async (c) => {
  const chain = (c.req.query("chain") ?? "").slice(0, 200);
  const checked = await checkStretch(c.env, chain, readNumber(c.req.query("through")));
  return c.html(<CheckPage checked={checked} chain={chain} links={c.var.links} />);
});

trailRoutes.get("/export/calls", async (c) =>
  downloadLines(exportCalls(c.env.PLATFORM_DB, await filterOf(c)), "calls.jsonl"),
);

trailRoutes.get("/export/records", async (c) =>
  downloadLines(exportRecords(c.env, await filterOf(c), Date.now()), "trail.jsonl"),
);

/** The filter of the address; a person's e-mail address becomes their id. */
async function filterOf(c: Context<InConsole>): Promise<CallFilter> {
  const filter = readFilter((name) => c.req.query(name));
  if (!filter.person.includes("@")) return filter;
  const found = await c.env.PLATFORM_DB.prepare(`SELECT "id" FROM "user" WHERE "email" = ?`)
    .bind(filter.person.toLowerCase())
    .first<{ id: string }>();
  return { ...filter, person: found?.id ?? filter.person };
}

function readNumber(text: string | undefined): number | undefined {
  return /^\d{1,15}$/.test(text ?? "") ? Number(text) : undefined;
}

function refuseUnknown(c: Context<InConsole>): Response | Promise<Response> {
  return refuse(c, {
    status: 404,
    code: "not_found",
    title: "This call is not here",
    message: "The trail has no call with this id, or its details were removed after their retention.",
    action: "Search for it in the list of calls.",
    link: { href: "/console/trail", label: "All calls" },
  });
}
