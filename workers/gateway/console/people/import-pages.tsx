import type { ImportPlan } from "../../../../shared/people/import.ts";
import { ConsoleFrame, type ConsoleLink } from "../frame.tsx";
import type { ImportedPeople } from "./import-now.ts";
import { type Around, ShownNotice, WayOfLink } from "./link-pages.tsx";

/** Most mistakes and people that a page shows one by one. */
const SHOWN = 50;

/** The form that takes a file of people. Nothing is changed by sending it. */
export function ImportPage({ links, subject, notice, limits }: Omit<Around, "mails"> & { limits: string }) {
  return (
    <ConsoleFrame title="Import people" links={links} here="/console/people">
      <ShownNotice notice={notice} />
      <section class="card">
        <p>
          A CSV file with the columns <code>email</code>, <code>name</code> and, if wanted, <code>role</code>,
          named in its first line. {limits} <code class="whole">npm run people -- import</code> takes more.
        </p>
        <form method="post" action="/console/people/import" enctype="multipart/form-data">
          <input type="hidden" name="subject" value={subject} />
          <label class="field">
            File
            <input type="file" name="file" accept=".csv,text/csv" required />
          </label>
          <div class="actions">
            <button type="submit" class="primary">
              Check the file
            </button>
            <a class="button" href="/console/people">
              All people
            </a>
          </div>
        </form>
        <p class="quiet small">Nothing is changed before you have seen what the file would do.</p>
      </section>
    </ConsoleFrame>
  );
}

/** What a file would do: who would be added, or each line that cannot be taken. */
export function CheckedPage({
  plan,
  text,
  ...around
}: Around & { plan: ImportPlan /** The file, for the form that confirms. */; text: string }) {
  const { links, subject, notice } = around;
  const { mistakes, fresh, known, linked, waiting } = plan;
  return (
    <ConsoleFrame title="Import people" links={links} here="/console/people">
      <ShownNotice notice={notice} />
      <section class="card">
        {mistakes.length > 0 ? (
          <>
            <h2>No one would be added</h2>
            <p class="notice danger" role="alert">
              {mistakes.length === 1 ? "One line" : `${mistakes.length} lines`} cannot be taken. Correct the
              file, and check it again.
            </p>
            <ul class="grants">
              {mistakes.slice(0, SHOWN).map((mistake) => (
                <li>{mistake}</li>
              ))}
            </ul>
            <More count={mistakes.length - SHOWN} what="mistakes" />
            <p>
              <a class="button" href="/console/people/import">
                Choose a file
              </a>
            </p>
          </>
        ) : fresh.length + waiting.length === 0 ? (
          <>
            <h2>No one would be added</h2>
            <p>{sayKnown(known)}</p>
            <p>
              <a href="/console/people/import">Choose another file</a>
            </p>
          </>
        ) : (
          <>
            <h2>
              {fresh.length === 0 ? "No one" : fresh.length === 1 ? "One person" : `${fresh.length} people`}{" "}
              would be added
            </h2>
            {known > 0 && <p>{sayKnown(known)}</p>}
            {waiting.length > 0 && (
              <p>
                {waiting.length === 1 ? "One of them has" : `${waiting.length} of them have`} no password and
                no link, and would get a link.
              </p>
            )}
            {linked.length < fresh.length && (
              <p>{fresh.length - linked.length} of them sign in elsewhere, and need no link.</p>
            )}
            <ul class="grants">
              {fresh.slice(0, SHOWN).map(({ email, name, role }) => (
                <li>
                  {name} <span class="quiet small">{email}</span> <span class="badge">{role}</span>
                </li>
              ))}
            </ul>
            <More count={fresh.length - SHOWN} what="people" />
            <form method="post" action="/console/people/import/confirm">
              <input type="hidden" name="subject" value={subject} />
              <input type="hidden" name="text" value={text} />
              <WayOfLink {...around} many />
              <div class="actions">
                <button type="submit" class="primary">
                  {fresh.length === 0
                    ? "Give the links"
                    : `Add ${fresh.length === 1 ? "this person" : `these ${fresh.length} people`}`}
                </button>
                <a class="button" href="/console/people/import">
                  Choose another file
                </a>
              </div>
            </form>
          </>
        )}
      </section>
    </ConsoleFrame>
  );
}

/** After an import. Links that are not in the mail are shown on this answer alone. */
export function ImportedPage({
  done: { added, sent, later, shown, why },
  links,
}: {
  done: ImportedPeople;
  links: readonly ConsoleLink[];
}) {
  return (
    <ConsoleFrame title="Import people" links={links} here="/console/people">
      <section class="card">
        <h2 role="status">
          {added === 0
            ? "No one is added"
            : added === 1
              ? "One person is added"
              : `${added} people are added`}
        </h2>
        {sent > 0 && <p>{sent === 1 ? "One message was sent." : `${sent} messages were sent.`}</p>}
        {later > 0 && (
          <p>
            {later === 1 ? "One more message follows" : `${later} more messages follow`} within minutes:{" "}
            <a href="/console/people">All people</a> says how many are left. A person whose message is not
            taken is marked «Link not sent»; make another link on their page.
          </p>
        )}
        {why !== null && <p class="notice danger">{why}</p>}
        {shown.length > 0 && (
          <>
            <p>
              {shown.length === 1 ? "This link is" : "These links are"} shown once, and each works once within
              7 days. Give each to its person and to no one else.
            </p>
            <label class="field">
              Addresses and links
              <textarea readonly rows={Math.min(12, shown.length + 1)} class="code">
                {["email,link", ...shown.map(({ email, url }) => `${email},${url}`)].join("\n")}
              </textarea>
            </label>
          </>
        )}
        <p>
          <a href="/console/people">All people</a>
        </p>
      </section>
    </ConsoleFrame>
  );
}

function More({ count, what }: { count: number; what: string }) {
  return count > 0 ? <p class="quiet">{`… and ${count} more ${what}.`}</p> : null;
}

function sayKnown(known: number): string {
  return known === 1
    ? "One is there already, and stays as before."
    : `${known} are there already, and stay as before.`;
}
