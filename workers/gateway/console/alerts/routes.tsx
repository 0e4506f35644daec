import { type Context, Hono } from "hono";
import { listTargets } from "../../alerts/list-targets.ts";
import { listAlerts, sendTest } from "../../alerts/run-alerts.ts";
import { beginSilence, endSilence, listSilences, SILENCE_REASON_LENGTH } from "../../alerts/silences.ts";
import { readForm } from "../../read-form.ts";
import { nameApps, namePeople } from "../names.ts";
import type { Notice } from "../people/people-page.tsx";
import type { InConsole } from "../require-right.ts";
import { AlertsPage, SILENCE_HOURS } from "./alerts-page.tsx";
import { idsIn } from "./subjects.ts";

const HOUR_MS = 60 * 60_000;

const OTHER_PERSON = "Another person signed in on this browser in the meantime. Look again.";

const DONE: Readonly<Record<string, string>> = {
  silenced: "Silenced: the targets are not told of it until then.",
  ended: "The targets are told again.",
};

/** `/console/alerts`: what is wrong or was, silences, and a test of the targets. */
export const alertRoutes = new Hono<InConsole>();

alertRoutes.get("/", (c) => {
  const done = c.req.query("done") ?? "";
  return show(c, Object.hasOwn(DONE, done) ? { tone: "good", text: String(DONE[done]) } : undefined);
});

alertRoutes.post("/test", async (c) => {
  const form = await readForm(c.req.raw);
  if (form.get("subject") !== c.var.signIn.person.id)
    return await show(c, { tone: "danger", text: OTHER_PERSON }, 409);
  const told = Object.entries(await sendTest(c.env, Date.now()));
  const failed = told.filter(([, ok]) => !ok).map(([name]) => name);
  if (told.length === 0) return await show(c, { tone: "danger", text: "No target is configured." }, 409);
  if (failed.length > 0)
    return await show(c, { tone: "danger", text: `Not taken by: ${failed.join(", ")}. The log says why.` });
  return await show(c, { tone: "good", text: `Taken by: ${told.map(([name]) => name).join(", ")}.` });
});

alertRoutes.post("/silence", async (c) => {
  const form = await readForm(c.req.raw);
  const { person } = c.var.signIn;
  if (form.get("subject") !== person.id) return await show(c, { tone: "danger", text: OTHER_PERSON }, 409);
  const alert = (await listAlerts(c.env.PLATFORM_DB)).find(({ id }) => String(id) === form.get("alert"));
  const hours = SILENCE_HOURS.find((choice) => String(choice) === form.get("hours"));
  const reason = (form.get("reason") ?? "").trim();
  if (alert === undefined)
    return await show(c, { tone: "danger", text: "This alert is not here any more." }, 422);
  if (
    hours === undefined ||
    reason === "" ||
    reason.length > SILENCE_REASON_LENGTH ||
    /\p{Cc}/u.test(reason)
  ) {
    const text = `Choose until when, and say why in one line of at most ${SILENCE_REASON_LENGTH} characters.`;
    return await show(c, { tone: "danger", text }, 422);
  }
  const now = Date.now();
  await beginSilence(c.env, {
    kind: alert.kind,
    subject: form.get("scope") === "kind" ? null : alert.subject,
    reason,
    by: person.id,
    at: now,
    until: now + hours * HOUR_MS,
  });
  return c.redirect("/console/alerts?done=silenced", 303);
});

alertRoutes.post("/silence/end", async (c) => {
  const form = await readForm(c.req.raw);
  const { person } = c.var.signIn;
  if (form.get("subject") !== person.id) return await show(c, { tone: "danger", text: OTHER_PERSON }, 409);
  const id = /^\d{1,15}$/.test(form.get("silence") ?? "") ? Number(form.get("silence")) : 0;
  if (await endSilence(c.env, id, person.id, Date.now()))
    return c.redirect("/console/alerts?done=ended", 303);
  return await show(c, { tone: "danger", text: "This silence has ended already." }, 422);
});

async function show(c: Context<InConsole>, notice?: Notice, status: 200 | 409 | 422 = 200) {
  const database = c.env.PLATFORM_DB;
  const [alerts, silences] = await Promise.all([listAlerts(database), listSilences(database, Date.now())]);
  const ids = idsIn([...alerts, ...silences]);
  const [people, apps] = await Promise.all([
    namePeople(database, [...ids.people, ...silences.map(({ by }) => by)]),
    nameApps(c.env, ids.apps),
  ]);
  const props = {
    alerts,
    silences,
    names: new Map([...people, ...apps]),
    targets: listTargets(c.env).map(({ name }) => name),
    rules: c.var.policy.alerts,
    subject: c.var.signIn.person.id,
    links: c.var.links,
  };
  return c.html(<AlertsPage {...props} {...(notice && { notice })} />, status);
}
