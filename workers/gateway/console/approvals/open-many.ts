import type { Policy } from "../../../../shared/policy/compile.ts";
import { roleMayApprove } from "../../../../shared/policy/current.ts";
import { listWaiting } from "../../approvals/list-approvals.ts";
import { fullCatalogue, type OpenedApproval, openRequest } from "../../approvals/open-approval.ts";
import type { SignIn } from "../../sign-in/auth.ts";

/** Most requests that are decided at once. */
export const MOST_AT_ONCE = 40;

/** What the inbox lists: a tool and a requester, each empty for all; and the place to go on from, empty for the newest. */
export interface InboxFilter {
  tool: string;
  requester: string;
  after: string;
}

/** Reads what the inbox lists from the parameters of an address. */
export function readInboxFilter(read: (name: keyof InboxFilter) => string | null | undefined): InboxFilter {
  const text = (name: keyof InboxFilter) => (read(name) ?? "").slice(0, 128);
  return { tool: text("tool"), requester: text("requester"), after: text("after") };
}

/** The query of an address that lists the same again, with its question mark; empty for all. */
export function writeInboxFilter(filter: InboxFilter, more: Readonly<Record<string, string>> = {}): string {
  const given = Object.entries({ ...filter, ...more }).filter(([, value]) => value !== "");
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
}

/** One page of the inbox. */
export interface Inbox {
  opened: OpenedApproval[];
  next: string | null;
  /** Tools whose calls the person approves, by name. */
  tools: string[];
}

/** The waiting requests that a person may decide, each opened as its own page opens it. */
export async function openInbox(
  env: Env,
  policy: Policy,
  signIn: SignIn,
  filter: InboxFilter,
): Promise<Inbox> {
  const catalogue = await fullCatalogue(env, policy);
  const { person } = signIn;
  const tools = [...catalogue.tools.keys()].filter((tool) => roleMayApprove(policy, person.role, tool));
  const asked = filter.tool === "" ? tools : tools.filter((tool) => tool === filter.tool);
  const list = await listWaiting(
    env.PLATFORM_DB,
    person.id,
    asked,
    Date.now(),
    filter.after,
    filter.requester,
  );
  const opened = await openAll(env, policy, signIn, list.items);
  // The list may be a moment older than the request itself, and does not know who acted for its requester then.
  const isForPerson = ({ item, powers }: OpenedApproval) => item.state === "pending" && powers !== "withdraw";
  return { opened: opened.filter(isForPerson), next: list.next, tools };
}

const FIND =
  "SELECT id, requester FROM approval WHERE id IN (SELECT value FROM json_each(?)) ORDER BY asked_at, id";

/** Requests by their ids, in the order in which they were asked; those that the person may not decide are left out. */
export async function openChosen(
  env: Env,
  policy: Policy,
  signIn: SignIn,
  ids: readonly string[],
): Promise<OpenedApproval[]> {
  const chosen = [...new Set(ids)].slice(0, MOST_AT_ONCE);
  const { results } = await env.PLATFORM_DB.prepare(FIND)
    .bind(JSON.stringify(chosen))
    .all<{ id: string; requester: string }>();
  return await openAll(env, policy, signIn, results);
}

async function openAll(
  env: Env,
  policy: Policy,
  signIn: SignIn,
  rows: readonly { id: string; requester: string }[],
): Promise<OpenedApproval[]> {
  const lookups = await Promise.all(
    rows.map(({ id, requester }) => openRequest(env, policy, signIn, { approvalId: id, requester })),
  );
  return lookups.flatMap((lookup) => (lookup.kind === "opened" ? [lookup.opened] : []));
}
