import { Page } from "../../../shared/web/page.tsx";
import type { Person } from "../people.ts";
import { PASSWORD_LENGTH } from "../sign-in/auth.ts";
import { BrowserList } from "./browser-list.tsx";
import type { ConnectedApp } from "./connected-apps.ts";
import type { OwnBrowser } from "./own-browsers.ts";

/** Properties of the account page. */
export interface AccountPageProps {
  person: Person;
  apps: ConnectedApp[];
  /** Cursor of the next page of apps. */
  cursor?: string;
  browsers: readonly OwnBrowser[];
  hasSecondFactor: boolean;
  /** Whether the person has a password; others sign in elsewhere. */
  hasPassword: boolean;
  /** Whether the person's role opens a page of the console. */
  hasConsole: boolean;
  notice?: { tone: "good" | "danger"; text: string };
}

/** The person's own page: connected apps with what each may do, the password, and the way out. */
export function AccountPage(props: AccountPageProps) {
  const { person, apps, cursor, browsers, hasSecondFactor, hasPassword, hasConsole, notice } = props;
  const signOut = (
    <form class="inline" method="post" action="/sign-out">
      <button type="submit" class="link">
        Sign out
      </button>
    </form>
  );
  return (
    <Page title="Your account" wide corner={signOut}>
      {notice && (
        <p class={`notice ${notice.tone}`} role="status">
          {notice.text}
        </p>
      )}
      <section class="card">
        <h1>{person.name}</h1>
        <p class="quiet">
          {person.email} · <span class="badge">{person.role}</span>
        </p>
        {hasConsole && (
          <p>
            <a href="/console">Console</a>
          </p>
        )}
      </section>
      <h2>Connected apps</h2>
      <section class="card">
        {apps.length === 0 ? (
          <p>
            No app is connected. Add one of the <a href="/">MCP addresses</a> to your AI client to begin.
          </p>
        ) : (
          <ul class="plain">
            {apps.map((app) => (
              <AppItem app={app} />
            ))}
          </ul>
        )}
        {cursor !== undefined && (
          <p>
            <a href={`/account?cursor=${encodeURIComponent(cursor)}`}>More apps</a>
          </p>
        )}
      </section>
      <h2>Connections</h2>
      <section class="card">
        <p>
          Some systems know you by an account of your own.{" "}
          <a href="/connections">See your connections, or connect one</a>.
        </p>
      </section>
      <h2>API keys</h2>
      <section class="card">
        <p>
          Agents without a browser use keys. <a href="/account/keys">See your keys, or make one</a>.
        </p>
      </section>
      <h2>Approvals</h2>
      <section class="card">
        <p>
          Some calls wait until a person approves them.{" "}
          <a href="/approvals">See what waits for you, and what you asked for</a>.
        </p>
      </section>
      <h2>Second factor</h2>
      <section class="card">
        <p>
          {hasSecondFactor ? (
            <>
              Signing in asks for a code from your app.{" "}
              <a href="/account/second-factor">New backup codes, or turn it off</a>.
            </>
          ) : (
            <>
              {hasPassword ? "Your password alone signs you in." : "Your sign-in asks for no code here."}{" "}
              <a href="/account/second-factor">Set up a second factor</a>.
            </>
          )}
        </p>
      </section>
      <h2>Passkeys</h2>
      <section class="card">
        <p>
          A passkey signs you in without a password and counts as second factor.{" "}
          <a href="/account/passkeys">See your passkeys, or add one</a>.
        </p>
      </section>
      <h2>Browsers</h2>
      <section class="card">
        <BrowserList browsers={browsers} />
      </section>
      {hasPassword && (
        <>
          <h2>Password</h2>
          <section class="card">
            <PasswordForm email={person.email} />
          </section>
        </>
      )}
    </Page>
  );
}

function AppItem({ app }: { app: ConnectedApp }) {
  return (
    <li>
      <h3>{app.name}</h3>
      <p class="quiet small">
        {app.domain === null ? (
          <span class="badge caution">Not verified</span>
        ) : (
          <span class="badge good">{app.domain}</span>
        )}{" "}
        {app.covers} ·{" "}
        {app.connectedBy === null ? `sends to ${app.redirectHost}` : `connected by ${app.connectedBy}`} ·
        since <Day date={app.since} /> ·{" "}
        {app.lastUsed === null ? (
          "not used yet"
        ) : (
          <>
            last used <Time date={app.lastUsed} />
          </>
        )}
        {app.expires && (
          <>
            {" "}
            · ends <Day date={app.expires} /> if unused
          </>
        )}
      </p>
      {app.use && (
        <p class="quiet small">
          First used <Time date={app.use.firstUsed} />
          {app.use.address !== null && <> · from {app.use.address}</>}
          {app.use.userAgent !== null && <> · {app.use.userAgent}</>}
        </p>
      )}
      <ul class="grants">
        {app.scopes.map(({ description, access }) => (
          <li>
            {description} {access !== "read" && <span class="badge caution">Can {access} data</span>}
          </li>
        ))}
      </ul>
      <form method="post" action="/account/revoke">
        <input type="hidden" name="grant" value={app.grantId} />
        <button type="submit" class="danger" aria-label={nameApp(app)}>
          Revoke access
        </button>
      </form>
    </li>
  );
}

/** Without it, two machines with the same app would have identical buttons. */
function nameApp({ name, covers, use }: ConnectedApp): string {
  const first =
    use && `, first used ${minuteOf(use.firstUsed)}${use.address === null ? "" : ` from ${use.address}`}`;
  return `Revoke access of ${name}, ${covers}${first ?? ""}`;
}

function minuteOf(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

function Time({ date }: { date: Date }) {
  return <time dateTime={date.toISOString()}>{minuteOf(date)}</time>;
}

function Day({ date }: { date: Date }) {
  const day = date.toISOString().slice(0, 10);
  return <time dateTime={date.toISOString()}>{day}</time>;
}

function PasswordForm({ email }: { email: string }) {
  return (
    <form method="post" action="/account/password">
      <input type="hidden" name="username" value={email} autocomplete="username" />
      <label class="field">
        Current password
        <input
          type="password"
          name="current"
          autocomplete="current-password"
          required
          maxlength={PASSWORD_LENGTH.max}
        />
      </label>
      <label class="field">
        New password
        <input
          type="password"
          name="new"
          autocomplete="new-password"
          required
          minlength={PASSWORD_LENGTH.min}
          maxlength={PASSWORD_LENGTH.max}
          aria-describedby="password-rule"
        />
      </label>
      <p class="quiet small" id="password-rule">
        At least {PASSWORD_LENGTH.min} characters. Changing it signs you out everywhere else.
      </p>
      <button type="submit">Change password</button>
    </form>
  );
}
