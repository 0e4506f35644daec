import { toDisplayText } from "../../../../shared/text/display-text.ts";
import type { OpenedApproval } from "../../approvals/open-approval.ts";
import { toMoment } from "../../approvals/wording.ts";
import { ConsoleFrame, type ConsoleLink } from "../frame.tsx";
import { groupRequests, type RequestGroup } from "./group-requests.ts";
import { type Inbox, type InboxFilter, MOST_AT_ONCE, writeInboxFilter } from "./open-many.ts";
import { RequestSummary } from "./request-summary.tsx";

/** What the inbox shows. */
interface InboxPageProps {
  inbox: Inbox;
  filter: InboxFilter;
  /** Key of the group whose alike requests are ticked. */
  ticked: string;
  /** Id of the person who looks: a form counts for this person only. */
  subject: string;
  links: readonly ConsoleLink[];
  notice?: string;
}

/** Every request that waits for the person, alike ones together; some are chosen here and looked at before the answer. */
export function InboxPage({ inbox, filter, ticked, subject, links, notice }: InboxPageProps) {
  const groups = groupRequests(inbox.opened);
  const isPart = isFiltered(filter);
  return (
    <ConsoleFrame
      title="Approvals"
      links={links}
      here="/console/approvals"
      aside={<Filter inbox={inbox} filter={filter} />}
    >
      {notice !== undefined && (
        <p class="notice danger" role="alert">
          {notice}
        </p>
      )}
      {inbox.tools.length === 0 && (
        <p class="notice">Your role approves no tool. The policy says under “approves” which roles do.</p>
      )}
      {groups.length === 0 ? (
        <section class="card">
          <p>Nothing waits for your decision{isPart ? " here" : ""}.</p>
        </section>
      ) : (
        <form method="post" action={`/console/approvals/look${writeInboxFilter(filter)}`}>
          <input type="hidden" name="subject" value={subject} />
          {groups.map((group) => (
            <Group group={group} isTicked={group.key === ticked} filter={filter} />
          ))}
          <section class="card bar">
            <p class="quiet small">
              Tick up to {MOST_AT_ONCE}. You see each in full before anything is decided.
            </p>
            <button type="submit" name="choice" value="approve" class="primary">
              Look and approve
            </button>
            <button type="submit" name="choice" value="refuse" class="danger">
              Look and refuse
            </button>
          </section>
        </form>
      )}
      {inbox.next !== null && (
        <p>
          <a href={addressOf(filter, { after: inbox.next })}>Older requests</a>
        </p>
      )}
    </ConsoleFrame>
  );
}

function Group({ group, isTicked, filter }: { group: RequestGroup; isTicked: boolean; filter: InboxFilter }) {
  const [first] = group.requests;
  if (first === undefined) return null;
  const { item, tool, requester, app } = first.opened;
  const alike = group.requests.filter(({ differs }) => differs.length === 0).length;
  return (
    <fieldset class="card" id={`group-${group.key}`}>
      <legend class="group">
        {tool?.title ?? item.binding.tool} <code class="small">{item.binding.tool}</code>
      </legend>
      <p>
        {requester?.name ?? "A person whose account has ended"} through{" "}
        {app === null ? "an app that is disconnected" : toDisplayText(app.name, 80)}. {item.reason}
      </p>
      {group.requests.length > 1 && (
        <p>
          <a href={`${addressOf(filter, { tick: group.key })}#group-${group.key}`}>
            Tick the {alike} that are alike
          </a>
          {alike < group.requests.length && ` · ${group.requests.length - alike} differ`}
        </p>
      )}
      <ul class="plain">
        {group.requests.map(({ opened, differs }) => (
          <li>
            <label class="pick">
              <input
                type="checkbox"
                name="request"
                value={opened.item.approvalId}
                checked={isTicked && differs.length === 0}
              />
              <span>
                Asked at {toMoment(opened.item.askedAt)}, ends at {toMoment(opened.item.expiresAt)}
              </span>
            </label>
            {differs.length > 0 && (
              <p>
                <span class="badge caution">Differs: {differs.join(", ")}</span>
              </p>
            )}
            <RequestSummary opened={opened} />
          </li>
        ))}
      </ul>
    </fieldset>
  );
}

function Filter({ inbox, filter }: { inbox: Inbox; filter: InboxFilter }) {
  const requesters = new Map(
    inbox.opened.flatMap(({ requester }) => (requester ? [[requester.id, requester.name] as const] : [])),
  );
  const tools = new Set(inbox.opened.map(({ item }: OpenedApproval) => item.binding.tool));
  return (
    <ul class="switch" aria-label="Filter">
      <li>
        <a href="/console/approvals/standing">Standing approvals</a>
      </li>
      {isFiltered(filter) && (
        <li>
          <a href="/console/approvals">All</a>
        </li>
      )}
      {(tools.size > 1 || filter.tool !== "") &&
        [...tools].map((tool) => (
          <li>
            <a
              href={addressOf({ ...filter, tool, after: "" })}
              aria-current={filter.tool === tool ? "true" : undefined}
            >
              {tool}
            </a>
          </li>
        ))}
      {(requesters.size > 1 || filter.requester !== "") &&
        [...requesters].map(([id, name]) => (
          <li>
            <a
              href={addressOf({ ...filter, requester: id, after: "" })}
              aria-current={filter.requester === id ? "true" : undefined}
            >
              {name}
            </a>
          </li>
        ))}
    </ul>
  );
}

const isFiltered = (filter: InboxFilter) => Object.values(filter).some((value) => value !== "");

const addressOf = (filter: InboxFilter, more?: Record<string, string>) =>
  `/console/approvals${writeInboxFilter(filter, more)}`;
