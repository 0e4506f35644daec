import { ConsoleFrame, type ConsoleLink } from "../frame.tsx";
import type { ListedPerson } from "./list-people.ts";

/** What a page says above its content. */
export interface Notice {
  tone: "good" | "danger";
  text: string;
}

/** What the list shows; `next` leads on. */
interface PeoplePageProps {
  people: readonly ListedPerson[];
  next: string | null;
  search: string;
  links: readonly ConsoleLink[];
}

/** Everyone who may sign in, with role and state, and a search by e-mail address. */
export function PeoplePage({ people, next, search, links }: PeoplePageProps) {
  return (
    <ConsoleFrame title="People" links={links} here="/console/people">
      <section class="card">
        <form method="get" action="/console/people">
          <label class="field">
            E-mail address, or a part of it
            <input type="search" name="search" value={search} maxlength={254} autocomplete="off" />
          </label>
          <button type="submit">Search</button>
        </form>
      </section>
      <section class="card">
        {people.length === 0 ? (
          <p>No person has an address like this.</p>
        ) : (
          <ul class="plain">
            {people.map((person) => (
              <li>
                <h3>
                  <a href={`/console/people/${encodeURIComponent(person.id)}`}>{person.name}</a>
                </h3>
                <p class="quiet small">
                  {person.email} · <State person={person} />
                </p>
              </li>
            ))}
          </ul>
        )}
        {next !== null && (
          <p>
            <a href={`/console/people?${new URLSearchParams({ search, after: next })}`}>More people</a>
          </p>
        )}
      </section>
    </ConsoleFrame>
  );
}

/** What a person's page shows. */
interface PersonPageProps {
  person: ListedPerson;
  /** Roles of the policy in force. */
  roles: readonly string[];
  /** Id of the person who looks: a form counts for this person only. */
  subject: string;
  /** Why this person changes nothing here; `null` if they may. */
  locked: string | null;
  /** The page's own address. */
  here: string;
  links: readonly ConsoleLink[];
  notice?: Notice;
}

/** One person, and what may be changed about them. */
export function PersonPage({ person, roles, subject, locked, here, links, notice }: PersonPageProps) {
  return (
    <ConsoleFrame title={person.name} links={links} here="/console/people">
      {notice && (
        <p class={`notice ${notice.tone}`} role="status">
          {notice.text}
        </p>
      )}
      <section class="card">
        <p class="quiet">
          {person.email} · <State person={person} />
        </p>
        <p class="quiet small">
          {describeWays(person)} Id <code>{person.id}</code>
        </p>
      </section>
      {locked !== null ? (
        <p class="notice">{locked}</p>
      ) : (
        <>
          <h2>Role</h2>
          <section class="card">
            <form method="post" action={here}>
              <input type="hidden" name="subject" value={subject} />
              <input type="hidden" name="change" value="role" />
              <label class="field">
                Role
                <select name="role">
                  {!roles.includes(person.role) && (
                    <option value="" selected>
                      {`${person.role} (not in the policy)`}
                    </option>
                  )}
                  {roles.map((role) => (
                    <option value={role} selected={role === person.role}>
                      {role}
                    </option>
                  ))}
                </select>
              </label>
              <button type="submit">Change role</button>
            </form>
            <p class="quiet small">
              What a role takes away counts at the next call. What it adds, an app gets when it next
              refreshes.
            </p>
          </section>
          <h2>Access</h2>
          <section class="card">
            <p>{describeAccess(person)}</p>
            <form method="post" action={here}>
              <input type="hidden" name="subject" value={subject} />
              <input type="hidden" name="change" value={person.disabled ? "enable" : "disable"} />
              <button type="submit" class={person.disabled ? undefined : "danger"}>
                {person.disabled ? "Let in again" : "Keep out"}
              </button>
            </form>
          </section>
        </>
      )}
    </ConsoleFrame>
  );
}

function describeAccess({ disabled, members }: ListedPerson): string {
  if (members !== null)
    return disabled
      ? "This team is kept out: its service accounts are refused. Everything of theirs is still there."
      : "Keeping this team out refuses every one of its service accounts at its next call. It can be undone.";
  return disabled
    ? "This person is kept out. Everything of theirs is still there."
    : "Keeping this person out ends their sessions here, and every connected app is refused at its next call. It can be undone.";
}

function describeWays({ ways, hasApp, members }: ListedPerson): string {
  if (members !== null)
    return `A team: its ${members === 1 ? "one active member manages" : `${members} active members manage`} its service accounts. It never signs in.`;
  if (ways.length === 0) return "Has no password, passkey or single sign-on yet.";
  const app = hasApp ? " Has an authenticator app." : "";
  if (ways.length === 1 && ways[0] === "a password" && !hasApp) return "Signs in with a password alone.";
  return `Signs in with ${new Intl.ListFormat("en-GB", { type: "disjunction" }).format(ways)}.${app}`;
}

function State({ person }: { person: ListedPerson }) {
  return (
    <>
      <span class="badge">{person.role}</span>
      {person.members !== null && (
        <>
          {" "}
          <span class="badge">Team</span>
        </>
      )}
      {person.members === 0 && (
        <>
          {" "}
          <span class="badge caution">Stopped: no active member</span>
        </>
      )}
      {person.disabled && (
        <>
          {" "}
          <span class="badge caution">Disabled</span>
        </>
      )}
    </>
  );
}
