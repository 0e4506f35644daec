import { type Context, Hono } from "hono";
import { decideRequest } from "../../approvals/decide-request.ts";
import { readForm } from "../../read-form.ts";
import type { InConsole } from "../require-right.ts";
import { DecidedPage, type DecidedRequest } from "./decided-page.tsx";
import { InboxPage } from "./inbox-page.tsx";
import { LookPage } from "./look-page.tsx";
import { type InboxFilter, openChosen, openInbox } from "./open-many.ts";

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
  return c.html(<LookPage opened={opened} choice={choice} subject={signIn.person.id} links={links} />);
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
  return c.html(<DecidedPage decided={decided} links={links} />);
});

const OTHER_PERSON = "Another person signed in on this browser in the meantime. Look again, then decide.";

async function showInbox(c: Context<InConsole>, notice?: string, status: 200 | 409 | 422 = 200) {
  const { signIn, policy, links } = c.var;
  const text = (name: string) => (c.req.query(name) ?? "").slice(0, 128);
  const filter: InboxFilter = {
    tool: text("tool"),
    requester: text("requester"),
    cursor: c.req.query("after"),
  };
  const inbox = await openInbox(c.env, policy, signIn, filter);
  const props = { inbox, filter, ticked: text("tick"), subject: signIn.person.id, links };
  return c.html(<InboxPage {...props} {...(notice !== undefined && { notice })} />, status);
}

/** The answers of a form by request; those that are left waiting are not among them. */
function readAnswers(form: URLSearchParams): Map<string, "approve" | "refuse"> {
  const answers = new Map<string, "approve" | "refuse">();
  for (const [name, value] of form) {
    const [, id] = /^answer:([\w-]{1,64})$/.exec(name) ?? [];
    if (id !== undefined && (value === "approve" || value === "refuse")) answers.set(id, value);
  }
  return answers;
}
