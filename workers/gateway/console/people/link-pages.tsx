import { describeTerm, NOT_MAILED } from "../../../../shared/people/password-links.ts";
import { PasswordField } from "../../keys/password-field.tsx";
import { ConsoleFrame, type ConsoleLink } from "../frame.tsx";
import type { Given } from "./links.ts";
import type { Notice } from "./people-page.tsx";

/** What every page here needs. */
export interface Around {
  links: readonly ConsoleLink[];
  /** Id of the person who looks: a form counts for this person only. */
  subject: string;
  /** Whether the form asks for the password once more. */
  asksPassword: boolean;
  /** Whether this deployment sends e-mail. */
  mails: boolean;
  notice?: Notice | undefined;
}

/** What was typed into the form of an invitation. */
export interface TypedInvitation {
  email: string;
  name: string;
  role: string;
}

/** The form with which one person is invited. */
export function InvitePage({
  roles,
  typed,
  ...around
}: Around & { roles: readonly string[]; typed: TypedInvitation }) {
  const { links, subject, notice } = around;
  return (
    <ConsoleFrame title="Invite a person" links={links} here="/console/people">
      <ShownNotice notice={notice} />
      <section class="card">
        <form method="post" action="/console/people/invite">
          <input type="hidden" name="subject" value={subject} />
          <label class="field">
            E-mail address
            <input
              type="email"
              name="email"
              value={typed.email}
              required
              maxlength={254}
              autocomplete="off"
            />
          </label>
          <label class="field">
            Name
            <input type="text" name="name" value={typed.name} required maxlength={120} autocomplete="off" />
          </label>
          <label class="field">
            Role
            <select name="role">
              {roles.map((role) => (
                <option value={role} selected={role === typed.role}>
                  {role}
                </option>
              ))}
            </select>
          </label>
          <WayOfLink {...around} />
          <div class="actions">
            <button type="submit" class="primary">
              Invite
            </button>
            <a class="button" href="/console/people">
              All people
            </a>
          </div>
        </form>
        <p class="quiet small">
          The person gets a link, with which they choose a password. A person of a domain that signs in
          elsewhere needs none.
        </p>
      </section>
    </ConsoleFrame>
  );
}

/** How a link goes to its person, and the password of the person who gives it. */
export function WayOfLink({
  mails,
  asksPassword,
  many = false,
}: Pick<Around, "mails" | "asksPassword"> & { many?: boolean }) {
  return (
    <>
      {mails && (
        <label class="scope">
          <input type="checkbox" name="show" value="yes" />
          <span>Show me the {many ? "links" : "link"}, and send no e-mail</span>
        </label>
      )}
      {asksPassword && <PasswordField />}
    </>
  );
}

/** What became of one link. The link is shown on this answer alone. */
export function GivenPage({ given: done, links }: { given: Given; links: readonly ConsoleLink[] }) {
  const { person, kind, given, title } = done;
  const term = describeTerm(kind);
  return (
    <ConsoleFrame
      title={kind === "invitation" ? "Invitation" : "Link for another password"}
      links={links}
      here="/console/people"
    >
      <section class="card">
        <h2>
          <a href={`/console/people/${encodeURIComponent(person.id)}`}>{person.name}</a>
        </h2>
        {given === null ? (
          <p role="status">
            {person.email} signs in with {title}, and needs no link.
          </p>
        ) : given.sent ? (
          <p role="status">
            A link was sent to {person.email}. It works once within {term}.
          </p>
        ) : (
          <>
            {given.why !== null && (
              <p class={given.why === NOT_MAILED.off ? "quiet" : "notice danger"}>{given.why}</p>
            )}
            {given.url === undefined ? (
              <p role="status">
                The link goes by e-mail alone, because {person.email} has a password: try again later, or use
                npm run people -- reset --print.
              </p>
            ) : (
              <>
                <p role="status">
                  This link is shown once, and works once within {term}. Give it to {person.email} and to no
                  one else: it opens their account.
                </p>
                <pre class="secret">{given.url}</pre>
              </>
            )}
          </>
        )}
        <div class="actions">
          <a href="/console/people/invite">Invite another person</a>
          <a href="/console/people">All people</a>
        </div>
      </section>
    </ConsoleFrame>
  );
}

/** What a page says above its content. */
export function ShownNotice({ notice }: { notice?: Notice | undefined }) {
  if (notice === undefined) return null;
  return (
    <p class={`notice ${notice.tone}`} role={notice.tone === "danger" ? "alert" : "status"}>
      {notice.text}
    </p>
  );
}
