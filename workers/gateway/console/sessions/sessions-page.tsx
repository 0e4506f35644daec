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
};

const STATUS: Readonly<Record<string, string>> = { working: "Works", input_required: "Waits for an answer" };

/** Open sessions, or unfinished tasks: by whom, of which app, since when; and the button that ends those that are ticked. */
export function SessionsPage(props: SessionsPageProps) {
  const { kind, list, filter, people, apps, subject, links, notice } = props;
  const here = PATHS[kind];
  const query = (more: Record<string, string>) => `${here}?${new URLSearchParams({ ...filter, ...more })}`;
  return (
    <ConsoleFrame
      title="Sessions and tasks"
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
          <label class="field">
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
          <p>{kind === "session" ? "No session is open." : "No task is unfinished."}</p>
        ) : (
          <form method="post" action={here}>
            <input type="hidden" name="subject" value={subject} />
            <table class="stack">
              <caption>{describeTotal(kind, list.total)}</caption>
              <thead>
                <tr>
                  <th scope="col">{kind === "session" ? "Person" : "Task"}</th>
                  {kind === "task" && <th scope="col">Person</th>}
                  <th scope="col">App</th>
                  <th scope="col">URL</th>
                  <th scope="col">Since</th>
                  <th scope="col">{kind === "session" ? "Last used" : "Kept until"}</th>
                </tr>
              </thead>
              <tbody>
                {list.work.map((work) => (
                  <tr>
                    <th scope="row">
                      <label class="pick">
                        <input type="checkbox" name="id" value={work.id} />
                        <span>{work.tool === null ? nameOf(people, work.person) : <Task work={work} />}</span>
                      </label>
                    </th>
                    {kind === "task" && (
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
                    <td>
                      <Moment at={work.begunAt} />
                    </td>
                    <td>
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
      <p class="quiet small">
        {kind === "session"
          ? "An app may begin another session with its connection: to keep it out, keep its person out or disconnect it. Apps of the generation 2026-07-28 have no session. A use is shown at most 10 minutes late."
          : "A task that is ended keeps what its finished steps have done, and its client is told so."}
      </p>
    </ConsoleFrame>
  );
}

function Task({ work }: { work: OpenWork }) {
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
  if (kind === "session")
    return total === 1 ? "One open session" : `${total.toLocaleString("en-US")} open sessions`;
  return total === 1 ? "One unfinished task" : `${total.toLocaleString("en-US")} unfinished tasks`;
}
