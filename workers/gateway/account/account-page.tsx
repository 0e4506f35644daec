import { Page } from "../../../shared/web/page.tsx";
import type { Person } from "../people.ts";
import { PASSWORD_LENGTH } from "../sign-in/auth.ts";
import { AppList } from "./app-list.tsx";
import { BrowserList } from "./browser-list.tsx";
import type { AppPageOf } from "./connected-apps.ts";
import type { OwnBrowser } from "./own-browsers.ts";

/** Properties of the account page. */
export interface AccountPageProps {
  person: Person;
  list: AppPageOf;
  /** What the person searches their apps for; empty for all. */
  query: string;
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
  const { person, list, query, browsers, hasSecondFactor, hasPassword, hasConsole, notice } = props;
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
        <AppList {...list} query={query} />
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
      <h2>Events</h2>
      <section class="card">
        <p>
          Apps can be told of what happens. <a href="/account/subscriptions">See what yours are told of</a>.
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
