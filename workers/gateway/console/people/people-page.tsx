import type { AppPageOf } from "../../account/connected-apps.ts";
import { PasswordField } from "../../keys/password-field.tsx";
import { ConsoleFrame, type ConsoleLink, Moment } from "../frame.tsx";
import { AppCard } from "./app-card.tsx";
import { WayOfLink } from "./link-pages.tsx";
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
  /** How many messages with links are still to be sent, in a sentence; `null` for none. */
  mails: string | null;
  links: readonly ConsoleLink[];
}

/** Everyone who may sign in, with role and state, and a search by e-mail address. */
export function PeoplePage({ people, next, search, mails, links }: PeoplePageProps) {
  return (
    <ConsoleFrame
      title="People"
      links={links}
      here="/console/people"
      aside={
        <div class="actions">
          <a class="button" href="/console/people/invite">
            Invite a person
          </a>
          <a class="button" href="/console/people/import">
            Import
          </a>
        </div>
      }
    >
      {mails !== null && (
        <p class="notice" role="status">
          {mails}
        </p>
      )}
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
  /** When a link that they have not used ends, in milliseconds since the epoch; `null` for none. */
  openLink: number | null;
  asksPassword: boolean;
  mails: boolean;
  /** What the person connected; `null` of a team. */
  apps: AppPageOf | null;
  /** What the person signs in with in place of a password; `null` for a password. */
  title: string | null;
}

/** One person, and what may be changed about them. */
export function PersonPage(props: PersonPageProps) {
  const { person, roles, subject, locked, here, links, apps, notice } = props;
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
          {person.members === null && !person.disabled && <WaysIn {...props} />}
          {apps !== null && <AppCard list={apps} here={here} subject={subject} />}
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

/** The ways in that an administrator gives or takes: a link for a password, and the end of second factor and passkeys. */
function WaysIn({ person, subject, here, openLink, asksPassword, mails, title }: PersonPageProps) {
  const known = person.ways.includes("a password");
  const hasFactors = person.hasApp || person.ways.includes("a passkey");
  return (
    <>
      <h2>Password</h2>
      <section class="card">
        {title !== null ? (
          <p>Signs in with {title}, and needs no password here.</p>
        ) : (
          <>
            <p>
              {known
                ? "A link with which they choose another password. The old one works until the link is used, and a second factor stays."
                : "A link with which they choose their first password."}{" "}
              Make sure that the request came from this person.
            </p>
            {person.unsent !== null && (
              <p class="notice danger">
                A link was asked for and is not sent. {person.unsent} Make another one.
              </p>
            )}
            {openLink !== null && (
              <p class="quiet small">
                A link is open until <Moment at={openLink} />. Another one ends it.
              </p>
            )}
            <form method="post" action={here}>
              <input type="hidden" name="subject" value={subject} />
              <input type="hidden" name="change" value="link" />
              <WayOfLink mails={mails && !known} asksPassword={asksPassword} />
              <button type="submit">{mails ? "Send a link" : "Make a link"}</button>
            </form>
          </>
        )}
      </section>
      {hasFactors && (
        <>
          <h2>Second factor</h2>
          <section class="card">
            <details>
              <summary>Remove second factor and passkeys</summary>
              <p>
                For a person who lost phone, codes and devices. They are signed out everywhere, and sign in
                with {known ? "the password alone" : "what else they have"}. Make sure that the request came
                from this person.
              </p>
              <form method="post" action={here}>
                <input type="hidden" name="subject" value={subject} />
                <input type="hidden" name="change" value="factors" />
                {asksPassword && <PasswordField />}
                <button type="submit" class="danger">
                  Yes, remove them
                </button>
              </form>
            </details>
          </section>
        </>
      )}
    </>
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
      {person.unsent !== null && (
        <>
          {" "}
          <span class="badge caution">Link not sent</span>
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
