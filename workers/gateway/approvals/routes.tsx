import { type Context, Hono } from "hono";
import { signApprovalLink } from "../../../shared/auth/approval-link.ts";
import { openKeyring } from "../../../shared/auth/keyring.ts";
import { ADMINISTRATOR } from "../../../shared/call/tool-error.ts";
import { policyInForce, roleMayApprove } from "../../../shared/policy/current.ts";
import type { Catalogue } from "../../../shared/server/catalogue.ts";
import { type Refusal, refuse } from "../failures.tsx";
import { readForm } from "../read-form.ts";
import { requirePerson, type SignedIn } from "../sign-in/require-person.ts";
import { whomToAsk } from "../whom-to-ask.ts";
import { ApprovalPage, type ApprovalPageProps } from "./approval-page.tsx";
import { decideRequest } from "./decide-request.ts";
import { type InboxList, InboxPage } from "./inbox-page.tsx";
import { type ApprovalPage as ListPage, listOwn, listWaiting } from "./list-approvals.ts";
import { type ApprovalLookup, fullCatalogue, openApproval } from "./open-approval.ts";

/** `/approvals`: the lists, and the page of each request. An approval is given here, by a signed-in person, only. */
export const approvalRoutes = new Hono<SignedIn>();

approvalRoutes.get("/approvals", requirePerson(), async (c) => {
  const { person } = c.var.signIn;
  const policy = await policyInForce(c.env);
  const catalogue = await fullCatalogue(c.env, policy);
  const tools = [...catalogue.tools.keys()].filter((tool) => roleMayApprove(policy, person.role, tool));
  const [database, now] = [c.env.PLATFORM_DB, Date.now()];
  const [waiting, own] = await Promise.all([
    tools.length === 0 ? null : listWaiting(database, person.id, tools, now, c.req.query("waiting")),
    listOwn(database, person.id, now, c.req.query("own")),
  ]);
  return c.html(
    <InboxPage
      waiting={waiting && (await toInbox(c.env, catalogue, waiting, "waiting"))}
      own={await toInbox(c.env, catalogue, own, "own")}
    />,
  );
});

approvalRoutes.get("/approvals/:link", requirePerson(), async (c) => {
  const link = c.req.param("link");
  const { signIn } = c.var;
  const opening = await openApproval(c.env, await policyInForce(c.env), signIn, link);
  if (opening.kind !== "opened") return await refuseLookup(c, opening.kind);
  const { opened } = opening;
  const done = c.req.query("done");
  const text =
    opened.item.decision && done === "1" ? DONE[opened.item.decision.granted ? "approve" : "refuse"] : null;
  const notice = text === null ? {} : { notice: { tone: "good" as const, text } };
  const props: ApprovalPageProps = { opened, person: signIn.person, here: pathOf(link), ...notice };
  return c.html(<ApprovalPage {...props} />, opened.item.state === "expired" ? 410 : 200);
});

approvalRoutes.post("/approvals/:link", requirePerson(), async (c) => {
  const link = c.req.param("link");
  const form = await readForm(c.req.raw);
  const { signIn } = c.var;
  const { person } = signIn;
  const policy = await policyInForce(c.env);
  const lookup = await openApproval(c.env, policy, signIn, link);
  if (lookup.kind !== "opened") return await refuseLookup(c, lookup.kind);
  const { opened } = lookup;
  const again = (status: 400 | 403 | 404 | 409 | 410 | 422, text: string) => {
    const notice = { tone: "danger" as const, text };
    return c.html(
      <ApprovalPage opened={opened} person={person} here={pathOf(link)} notice={notice} />,
      status,
    );
  };
  if (form.get("subject") !== person.id) {
    return await again(
      409,
      "Another person signed in on this browser in the meantime. Check the request again, then decide.",
    );
  }
  const decision = form.get("decision");
  if (decision !== "approve" && decision !== "refuse")
    return await again(422, "Choose one of the two answers.");
  const result = await decideRequest(c, policy, person, opened, {
    granted: decision === "approve",
    reason: form.get("reason"),
  });
  if (result !== "recorded") return await again(result.status, result.text);
  return c.redirect(`${pathOf(link)}?done=1`, 303);
});

const DONE = {
  approve: "Approved. The app can now make exactly this call, once, until the time below.",
  refuse: "Refused. The call does not run.",
};

const TO_INBOX = { href: "/approvals", label: "All approvals" };

const REFUSALS: Record<Exclude<ApprovalLookup["kind"], "opened">, Refusal> = {
  damaged: {
    status: 400,
    code: "invalid_input",
    title: "This link is damaged",
    message: "Gatehouse did not make this address, or a part of it is missing.",
    action: "Copy the whole link again, or find the request in the list.",
    link: TO_INBOX,
  },
  unknown: {
    status: 404,
    code: "not_found",
    title: "This request is gone",
    message: "Gatehouse deletes requests 30 days after their end.",
    action: "The app can make its call again.",
    link: TO_INBOX,
  },
  forbidden: {
    status: 403,
    code: "forbidden",
    title: "You cannot decide this",
    message: "Your role may not approve calls of this tool, so the request is not shown.",
    action: "Pass the link on to a person who may approve it, or ask an administrator.",
    link: TO_INBOX,
  },
};

async function refuseLookup(
  c: Context<SignedIn>,
  kind: Exclude<ApprovalLookup["kind"], "opened">,
): Promise<Response> {
  const { action, ...refusal } = REFUSALS[kind];
  return await refuse(c, { ...refusal, action: action.replace(ADMINISTRATOR, await whomToAsk(c.env)) });
}

async function toInbox(
  env: Env,
  { tools }: Catalogue,
  { items, next }: ListPage,
  name: "waiting" | "own",
): Promise<InboxList> {
  const entries = items.map(async (item) => {
    const { id: approvalId, requester } = item;
    const href = pathOf(
      await signApprovalLink(openKeyring(env, "APPROVAL_LINK_KEY"), { approvalId, requester }),
    );
    return { ...item, href, title: tools.get(item.tool)?.definition.title ?? item.tool };
  });
  const more = next === null ? null : `/approvals?${name}=${encodeURIComponent(next)}`;
  return { entries: await Promise.all(entries), more };
}

function pathOf(link: string): string {
  return `/approvals/${encodeURIComponent(link)}`;
}
