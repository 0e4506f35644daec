import { Breakable, ConsoleFrame, type ConsoleLink, Moment } from "../frame.tsx";
import type { Names } from "../names.ts";
import type { Notice } from "../people/people-page.tsx";
import type { OpenWork, WorkFilter, WorkKind, WorkList } from "./open-work.ts";

/** What the page shows. */
interface SessionsPageProps {
  kind: WorkKind;
  list: WorkList;
  filter: WorkFilter;
  people: Names;
  apps: Names;
  subject: string;
  links: readonly ConsoleLink[];
  notice?: Notice;
}

const PATHS: Readonly<Record<WorkKind, string>> = {
  session: "/console/sessions",
  task: "/console/sessions/tasks",
  subscription: "/console/sessions/subscriptions",
};

const STATUS: Readonly<Record<string, string>> = { working: "Works", input_required: "Waits for an answer" };

/** Open sessions, unfinished tasks, or subscriptions to events: by whom, of which app, since when; and the button that ends those that are ticked. */
export function SessionsPage(props: SessionsPageProps) {
  const { kind, list, filter, people, apps, subject, links, notice } = props;
  const here = PATHS[kind];
  const query = (more: Record<string, string>) => `${here}?${new URLSearchParams({ ...filter, ...more })}`;
  return (
    <ConsoleFrame
      title="Sessions, tasks and subscriptions"
      links={links}
      here="/console/sessions"
      aside={
        <ul class="switch">
          <li>
            <a href={PATHS.session} aria-current={kind === "session" ? "page" : undefined}>
              Sessions
            </a>
          </li>
          <li>
            <a href={PATHS.task} aria-current={kind === "task" ? "page" : undefined}>
              Tasks
            </a>
          </li>
          <li>
            <a href={PATHS.subscription} aria-current={kind === "subscription" ? "page" : undefined}>
              Subscriptions
            </a>
          </li>
        </ul>
      }
    >
      {notice && (
        <p class={`notice ${notice.tone}`} role={notice.tone === "good" ? "status" : "alert"}>
          {notice.text}
        </p>
      )}
      <section class="card">
        <form method="get" action={here} class="filters">
          <label class="field broad">
            Person: e-mail address or id
            <input type="text" name="person" value={filter.person} maxlength={254} autocomplete="off" />
          </label>
          <label class="field">
            App: id
            <input type="text" name="app" value={filter.app} maxlength={254} autocomplete="off" />
          </label>
          <div class="actions">
            <button type="submit">Show</button>
          </div>
        </form>
      </section>
      <section class="card">
        {list.work.length === 0 ? (
          <p>{NONE[kind]}</p>
        ) : (
          <form method="post" action={here}>
            <input type="hidden" name="subject" value={subject} />
            <table class="stack">
              <caption>{describeTotal(kind, list.total)}</caption>
              <thead>
                <tr>
                  <th scope="col">{FIRST[kind]}</th>
                  {kind !== "session" && <th scope="col">Person</th>}
                  <th scope="col">App</th>
                  <th scope="col">URL</th>
                  <th scope="col">Since</th>
                  <th scope="col">{LAST[kind]}</th>
                </tr>
              </thead>
              <tbody>
                {list.work.map((work) => (
                  <tr>
                    <th scope="row">
                      <label class="pick">
                        <input type="checkbox" name="id" value={work.id} />
                        <span>
                          {work.tool === null ? (
                            nameOf(people, work.person)
                          ) : (
                            <Task work={work} kind={kind} />
                          )}
                        </span>
                      </label>
                    </th>
                    {kind !== "session" && (
                      <td>
                        <a href={query({ person: work.person })}>{nameOf(people, work.person)}</a>
                      </td>
                    )}
                    <td>
                      <a href={query({ app: work.clientId })}>{nameOf(apps, work.clientId)}</a>
                    </td>
                    <td>
                      <code>{work.server === "" ? "/mcp" : `/mcp/${work.server}`}</code>
                    </td>
                    <td data-label="Since">
                      <Moment at={work.begunAt} />
                    </td>
                    <td data-label={LAST[kind]}>
                      <Moment at={work.at} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
            <div class="actions">
              <button type="submit" class="danger">
                End what is ticked
              </button>
            </div>
          </form>
        )}
        {list.next !== null && (
          <p>
            <a href={query({ after: list.next })}>More</a>
          </p>
        )}
      </section>
      <p class="quiet small">{ABOUT[kind]}</p>
    </ConsoleFrame>
  );
}

const NONE: Readonly<Record<WorkKind, string>> = {
  session: "No session is open.",
  task: "No task is unfinished.",
  subscription: "No app has a subscription to events.",
};

const FIRST: Readonly<Record<WorkKind, string>> = { session: "Person", task: "Task", subscription: "Event" };

const LAST: Readonly<Record<WorkKind, string>> = {
  session: "Last used",
  task: "Kept until",
  subscription: "Ends, unless renewed",
};

const ABOUT: Readonly<Record<WorkKind, string>> = {
  session:
    "An app may begin another session with its connection: to keep it out, keep its person out or disconnect it. Apps of the generation 2026-07-28 have no session. A use is shown at most 10 minutes late.",
  task: "A task that is ended keeps what its finished steps have done, and its client is told so.",
  subscription:
    "What happens is delivered to the app’s receiver while the policy allows its person to see it. An app may subscribe again with its connection. A renewal is shown at most an hour late.",
};

function Task({ work, kind }: { work: OpenWork; kind: WorkKind }) {
  if (kind === "subscription") {
    return (
      <>
        <Breakable name={work.tool ?? ""} />{" "}
        <span class="meta">
          to <code>{work.status}</code>
        </span>
      </>
    );
  }
  return (
    <>
      <Breakable name={work.tool ?? ""} />{" "}
      <span class={work.status === "working" ? "badge good" : "badge caution"}>
        {STATUS[work.status ?? ""] ?? work.status}
      </span>
    </>
  );
}

function nameOf(names: Names, id: string): string {
  return names.get(id) ?? id;
}

function describeTotal(kind: WorkKind, total: number): string {
  if (kind === "subscription")
    return total === 1 ? "One subscription" : `${total.toLocaleString("en-US")} subscriptions`;
  if (kind === "session")
    return total === 1 ? "One open session" : `${total.toLocaleString("en-US")} open sessions`;
  return total === 1 ? "One unfinished task" : `${total.toLocaleString("en-US")} unfinished tasks`;
}
