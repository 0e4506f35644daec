import type { Child } from "hono/jsx";
import { OVERLAP_HOURS, type Proof } from "../../../shared/people/key-request.ts";
import { Page } from "../../../shared/web/page.tsx";
import { RecentList } from "../account/recent-list.tsx";
import type { ListedCall } from "../console/trail/find-calls.ts";
import type { OwnTeam } from "../teams/own-teams.ts";
import type { OwnKey } from "./own-keys.ts";
import { PasswordField } from "./password-field.tsx";
import { PublicKeyField } from "./public-key-field.tsx";

/** A message above a page of keys. */
export interface Notice {
  tone: "good" | "danger";
  text: string;
}

/** Frame of the pages about keys. */
export function KeysFrame({
  title,
  corner,
  notice,
  children,
}: {
  title: string;
  corner: Child;
  notice?: Notice | undefined;
  children: Child;
}) {
  return (
    <Page title={title} wide corner={corner}>
      {notice && (
        <p class={`notice ${notice.tone}`} role={notice.tone === "danger" ? "alert" : "status"}>
          {notice.text}
        </p>
      )}
      {children}
    </Page>
  );
}

interface KeysPageProps {
  keys: readonly OwnKey[];
  /** Teams whose keys the person manages. */
  teams: readonly OwnTeam[];
  /** Id of the last key of this page, or `null` at the end. */
  next: string | null;
  notice?: Notice | undefined;
}

/** API keys of a person and of their teams. */
export function KeysPage({ keys, teams, next, notice }: KeysPageProps) {
  return (
    <KeysFrame title="API keys" corner={<a href="/account">Your account</a>} notice={notice}>
      <h1>API keys</h1>
      <section class="card">
        <p>
          A key lets an agent without a browser call Gatehouse in your name: with your role or less, under the
          same policy, limits and approvals, and in the same trail.
        </p>
        <p>
          <a class="button primary" href="/account/keys/new">
            New key
          </a>
        </p>
        {teams.length > 0 && (
          <>
            <p>Or a key of a team that you are in, which calls as the team and stays when you leave:</p>
            <ul>
              {teams.map(({ id, name, role }) => (
                <li>
                  <a href={`/account/keys/new?team=${encodeURIComponent(id)}`}>New key of {name}</a>{" "}
                  <span class="quiet">(role {role})</span>
                </li>
              ))}
            </ul>
          </>
        )}
      </section>
      <h2>{teams.length === 0 ? "Your keys" : "Your keys and those of your teams"}</h2>
      <section class="card">
        {keys.length === 0 ? (
          <p>You have no keys.</p>
        ) : (
          <ul class="plain">
            {keys.map((key) => (
              <li>
                <h3>
                  <a href={pathOf(key)}>{key.name}</a> <State owned={key} />
                </h3>
                <p class="quiet small">
                  {key.team !== null && <>of the team {key.team} · </>}
                  <Hint owned={key} /> · <Ends owned={key} /> · <LastUse owned={key} />
                </p>
              </li>
            ))}
          </ul>
        )}
        {next !== null && (
          <p>
            <a href={`/account/keys?after=${encodeURIComponent(next)}`}>More keys</a>
          </p>
        )}
      </section>
    </KeysFrame>
  );
}

interface KeyPageProps {
  owned: OwnKey;
  /** Its newest calls, newest first. */
  recent: readonly ListedCall[];
  /** Id of the person who looks: a form counts for this person only. */
  subject: string;
  asksPassword: boolean;
  publicUrl: string;
  notice?: Notice | undefined;
}

/** One key: what it may do, and its rotation and end. */
export function KeyPage({ owned, recent, subject, asksPassword, publicUrl, notice }: KeyPageProps) {
  const hasEnded = owned.ends.getTime() <= Date.now();
  return (
    <KeysFrame title={owned.name} corner={<a href="/account/keys">API keys</a>} notice={notice}>
      <section class="card">
        <h1>{owned.name}</h1>
        <p class="quiet">
          <State owned={owned} /> <LastUse owned={owned} />
        </p>
        <dl class="facts">
          <dt>Proves itself by</dt>
          <dd>
            <Hint owned={owned} />
          </dd>
          {owned.team !== null && (
            <>
              <dt>Belongs to</dt>
              <dd>the team {owned.team}</dd>
            </>
          )}
          <dt>Id in the trail</dt>
          <dd>
            <code>{owned.id}</code>
          </dd>
          <dt>{hasEnded ? "Ended" : "Ends"}</dt>
          <dd>
            <Day date={owned.ends} />
            {owned.overlapEnds && (
              <>
                ; its earlier secret works until <Minute date={owned.overlapEnds} />
              </>
            )}
          </dd>
          <dt>Addresses</dt>
          <dd>
            <Codes items={owned.resources.map((path) => `${publicUrl}${path}`)} />
          </dd>
          <dt>Permissions</dt>
          <dd>
            <Codes items={owned.scopes} />
          </dd>
          <dt>Tools</dt>
          <dd>
            {owned.tools.length === 0 ? (
              owned.team === null ? (
                "All of your role"
              ) : (
                "All of the team’s role"
              )
            ) : (
              <Codes items={owned.tools} />
            )}
          </dd>
          <dt>Networks</dt>
          <dd>{owned.networks.length === 0 ? "All" : <Codes items={owned.networks} />}</dd>
          {owned.certificates.length > 0 && (
            <>
              <dt>Certificates</dt>
              <dd>
                <Codes items={owned.certificates} />
              </dd>
            </>
          )}
          <dt>Made</dt>
          <dd>
            <Day date={owned.since} /> by <code>{owned.by}</code>
          </dd>
        </dl>
        <p class="quiet small">Another key is made for other rights; these stay as they are.</p>
      </section>
      <h2>Lately</h2>
      <section class="card">
        {recent.length === 0 ? <p>No call of this key is in the trail.</p> : <RecentList calls={recent} />}
      </section>
      {!hasEnded && (
        <>
          <h2>Rotate</h2>
          <section class="card">
            <p>
              {ROTATES[owned.proof]} lives {owned.days} {owned.days === 1 ? "day" : "days"}. The one before
              works a while longer, so that the agent has no gap.
            </p>
            <form method="post" action={`${pathOf(owned)}/rotate`}>
              <input type="hidden" name="subject" value={subject} />
              <input type="hidden" name="hint" value={owned.hint} />
              <label class="field">
                The one before works
                <select name="overlap">
                  {OVERLAPS.map(({ hours, text }) => (
                    <option value={String(hours)} selected={hours === OVERLAP_HOURS.default}>
                      {text}
                    </option>
                  ))}
                </select>
              </label>
              {owned.proof === "public_key" && <PublicKeyField value="" />}
              {asksPassword && <PasswordField />}
              <button type="submit">Rotate</button>
            </form>
          </section>
        </>
      )}
      <h2>{hasEnded ? "Remove" : "Revoke"}</h2>
      <section class="card">
        <p>
          {hasEnded
            ? "This key has ended: it is refused. Removing it takes it off the list."
            : "The next call with this key is refused, open sessions and tasks included. It cannot be undone."}
        </p>
        <form method="post" action={`${pathOf(owned)}/revoke`}>
          <input type="hidden" name="subject" value={subject} />
          <button type="submit" class="danger">
            {hasEnded ? "Remove key" : "Revoke key"}
          </button>
        </form>
      </section>
    </KeysFrame>
  );
}

const ROTATES: Readonly<Record<Proof, string>> = {
  secret: "Rotation gives the key another secret, which",
  public_key: "Rotation takes another public key, which",
  workload: "Rotation begins another term, which",
};

const OVERLAPS = [
  { hours: 0, text: "not any more: it may have leaked" },
  { hours: 1, text: "1 hour longer" },
  { hours: 24, text: "1 day longer" },
  { hours: 168, text: "7 days longer" },
];

/** Address of a key's page. */
export function pathOf({ id }: Pick<OwnKey, "id">): string {
  return `/account/keys/${encodeURIComponent(id)}`;
}

function State({ owned }: { owned: OwnKey }) {
  if (owned.ends.getTime() <= Date.now()) return <span class="badge caution">Ended</span>;
  if (owned.overlapEnds !== null) return <span class="badge good">Rotated: two secrets work</span>;
  return null;
}

function Hint({ owned }: { owned: OwnKey }) {
  if (owned.proof === "public_key") return <>signatures of its private key</>;
  if (owned.proof === "workload") return <>tokens of a trusted issuer</>;
  return <code>gatehouse_key_{owned.hint}…</code>;
}

function Ends({ owned }: { owned: OwnKey }) {
  return (
    <>
      {owned.ends.getTime() <= Date.now() ? "ended" : "ends"} <Day date={owned.ends} />
    </>
  );
}

function LastUse({ owned }: { owned: OwnKey }) {
  if (owned.lastUsed === null) return <>not used yet</>;
  return (
    <>
      last used <Minute date={owned.lastUsed} />
    </>
  );
}

function Codes({ items }: { items: readonly string[] }) {
  return (
    <>
      {items.map((item, index) => (
        <>
          {index > 0 && ", "}
          <code>{item}</code>
        </>
      ))}
    </>
  );
}

function Day({ date }: { date: Date }) {
  return <time dateTime={date.toISOString()}>{date.toISOString().slice(0, 10)}</time>;
}

function Minute({ date }: { date: Date }) {
  const text = `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
  return <time dateTime={date.toISOString()}>{text}</time>;
}
