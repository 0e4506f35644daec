import { type Context, Hono } from "hono";
import { askFor } from "../../../../shared/people/admin-requests.ts";
import { roleHoldsRight } from "../../../../shared/policy/console.ts";
import { listDeadLetters } from "../../../audit-log/dead-letters.ts";
import { listSinkLetters } from "../../../audit-log/sinks/list-letters.ts";
import { runMarkedJob } from "../../admin-jobs/run-admin-jobs.ts";
import { readForm } from "../../read-form.ts";
import { namePeople } from "../names.ts";
import type { InConsole } from "../require-right.ts";
import { DeadLettersPage } from "./dead-letters-page.tsx";

/**
 * `/console/dead-letters`: messages of the trail that could not be read, records that receivers of copies refuse, and one
 * more delivery of all.
 */
export const deadLetterRoutes = new Hono<InConsole>();

const DONE: Readonly<Record<string, string>> = {
  now: "Delivered again. What is still here cannot be read by this release; what receivers of copies refused goes to them within five minutes.",
  later: "Requested. It is done within five minutes.",
};

deadLetterRoutes.get("/", (c) => {
  const done = c.req.query("done") ?? "";
  return show(c, Object.hasOwn(DONE, done) ? DONE[done] : undefined);
});

deadLetterRoutes.post("/redrive", async (c) => {
  const form = await readForm(c.req.raw);
  const { person } = c.var.signIn;
  if (form.get("subject") !== person.id)
    return await show(c, "Another person signed in on this browser in the meantime. Look again.", 409);
  // As npm run audit -- redrive: the same request, which the same job carries out and records.
  const mark = crypto.randomUUID();
  const sql = askFor(
    "redrive",
    null,
    `/console/dead-letters (${person.id})`,
    JSON.stringify({ asked: mark }),
  );
  await c.env.PLATFORM_DB.prepare(sql).run();
  const outcome = await runMarkedJob(c.env, mark);
  return c.redirect(`/console/dead-letters?done=${outcome === "in force" ? "now" : "later"}`, 303);
});

async function show(c: Context<InConsole>, notice?: string, status: 200 | 409 = 200) {
  const { policy, signIn } = c.var;
  // A message is a record of the trail, so the trail's own right opens it.
  const maySeeRecords = roleHoldsRight(policy, signIn.person.role, "trail");
  const [letters, refused] = await Promise.all([
    listDeadLetters(c.env.PLATFORM_DB),
    listSinkLetters(c.env, maySeeRecords),
  ]);
  const chains = refused.letters.map(({ chain }) => chain);
  const people = await namePeople(c.env.PLATFORM_DB, chains);
  const props = { ...letters, refused, people, maySeeRecords, subject: signIn.person.id, links: c.var.links };
  return c.html(
    <DeadLettersPage {...props} {...(notice !== undefined && { notice, isRefused: status !== 200 })} />,
    status,
  );
}
