import { type Context, Hono } from "hono";
import { decideRequest } from "../../approvals/decide-request.ts";
import { listStanding, makeStanding, revokeStanding } from "../../approvals/standing.ts";
import { readForm } from "../../read-form.ts";
import type { InConsole } from "../require-right.ts";
import { DecidedPage, type DecidedRequest } from "./decided-page.tsx";
import { InboxPage } from "./inbox-page.tsx";
import { LookPage } from "./look-page.tsx";
import { openChosen, openInbox, readInboxFilter, writeInboxFilter } from "./open-many.ts";
import { readStandingForm } from "./read-standing-form.ts";
import { StandingPage } from "./standing-page.tsx";

/** `/console/approvals`: the requests that wait for the person, to decide one or many after a look at each. */
export const approvalInboxRoutes = new Hono<InConsole>();

approvalInboxRoutes.get("/", (c) => showInbox(c));

approvalInboxRoutes.post("/look", async (c) => {
  const form = await readForm(c.req.raw);
  const { signIn, policy, links } = c.var;
  if (form.get("subject") !== signIn.person.id) return await showInbox(c, OTHER_PERSON, 409);
  const choice = form.get("choice") === "refuse" ? "refuse" : "approve";
  const opened = await openChosen(c.env, policy, signIn, form.getAll("request"));
  if (opened.length === 0) return await showInbox(c, "Tick the requests that you want to look at.", 422);
  const props = { opened, choice, place: placeOf(c), subject: signIn.person.id, links } as const;
  return c.html(<LookPage {...props} />);
});

approvalInboxRoutes.post("/decide", async (c) => {
  const form = await readForm(c.req.raw);
  const { signIn, policy, links } = c.var;
  if (form.get("subject") !== signIn.person.id) return await showInbox(c, OTHER_PERSON, 409);
  const answers = readAnswers(form);
  const opened = await openChosen(c.env, policy, signIn, [...answers.keys()]);
  if (opened.length === 0) return await showInbox(c, "None of these requests waits for your decision.", 422);
  const decided: DecidedRequest[] = [];
  for (const request of opened) {
    const answer = answers.get(request.item.approvalId);
    if (answer === undefined) continue;
    const decision = { granted: answer === "approve", reason: form.get("reason") };
    const result = await decideRequest(c, policy, signIn.person, request, decision);
    decided.push({ opened: request, answer, problem: result === "recorded" ? null : result.text });
  }
  return c.html(<DecidedPage decided={decided} place={placeOf(c)} links={links} />);
});

approvalInboxRoutes.get("/standing", (c) => {
  const done = c.req.query("done") ?? "";
  const text = Object.hasOwn(DONE, done) ? DONE[done] : undefined;
  return showStanding(c, text === undefined ? undefined : { tone: "good", text });
});

approvalInboxRoutes.post("/standing", async (c) => {
  const form = await readForm(c.req.raw);
  const { signIn, policy } = c.var;
  const { person } = signIn;
  if (form.get("subject") !== person.id) return await showInbox(c, OTHER_PERSON, 409);
  const [request] = await openChosen(c.env, policy, signIn, [form.get("request") ?? ""]);
  if (request === undefined) return await showInbox(c, "This request does not wait for your decision.", 422);
  const now = Date.now();
  const asked = readStandingForm(form, now);
  if (typeof asked === "string") return await showInbox(c, asked, 422);
  const result = await makeStanding(c, policy, person, request, asked, now);
  if (result !== "made") return await showInbox(c, result.text, result.status === 403 ? 403 : 409);
  const query = new URLSearchParams({ done: "made", from: placeOf(c) });
  return c.redirect(`/console/approvals/standing?${query}`, 303);
});

approvalInboxRoutes.post("/standing/revoke", async (c) => {
  const form = await readForm(c.req.raw);
  const { signIn, policy } = c.var;
  if (form.get("subject") !== signIn.person.id)
    return await showStanding(c, { tone: "danger", text: OTHER_PERSON }, 409);
  const revoked = await revokeStanding(c, policy, signIn.person, form.get("standing") ?? "");
  if (revoked) return c.redirect("/console/approvals/standing?done=revoked", 303);
  return await showStanding(c, { tone: "danger", text: "There is no such standing approval in force." }, 422);
});

const DONE: Readonly<Record<string, string>> = {
  made: "Approved, with the further calls below.",
  revoked: "Revoked: the next call asks a person again.",
};

async function showStanding(
  c: Context<InConsole>,
  notice?: { tone: "good" | "danger"; text: string },
  status: 200 | 409 | 422 = 200,
) {
  const { signIn, policy, links } = c.var;
  const after = (c.req.query("after") ?? "").slice(0, 64);
  const list = await listStanding(c.env, policy, signIn.person, Date.now(), after);
  const from = new URLSearchParams((c.req.query("from") ?? "").slice(0, 600));
  const place = writeInboxFilter(readInboxFilter((name) => from.get(name)));
  const props = { ...list, place, subject: signIn.person.id, links, ...(notice && { notice }) };
  return c.html(<StandingPage {...props} />, status);
}

const OTHER_PERSON = "Another person signed in on this browser in the meantime. Look again, then decide.";

async function showInbox(c: Context<InConsole>, notice?: string, status: 200 | 403 | 409 | 422 = 200) {
  const { signIn, policy, links } = c.var;
  const filter = filterOf(c);
  const inbox = await openInbox(c.env, policy, signIn, filter);
  const ticked = c.req.query("tick") ?? "";
  const props = { inbox, filter, ticked, subject: signIn.person.id, links };
  return c.html(<InboxPage {...props} {...(notice !== undefined && { notice })} />, status);
}

/** The forms of the inbox keep its filter in their address, so that a person returns to where they were. */
const filterOf = (c: Context<InConsole>) => readInboxFilter((name) => c.req.query(name));

const placeOf = (c: Context<InConsole>) => writeInboxFilter(filterOf(c));

/** The answers of a form by request; those that are left waiting are not among them. */
function readAnswers(form: URLSearchParams): Map<string, "approve" | "refuse"> {
  const answers = new Map<string, "approve" | "refuse">();
  for (const [name, value] of form) {
    const [, id] = /^answer:([\w-]{1,64})$/.exec(name) ?? [];
    if (id !== undefined && (value === "approve" || value === "refuse")) answers.set(id, value);
  }
  return answers;
}
