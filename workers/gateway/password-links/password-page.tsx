import { Page } from "../../../shared/web/page.tsx";
import { PASSWORD_LENGTH } from "../sign-in/auth.ts";
import type { OpenLink } from "./use-link.ts";

/** The form with which the holder of a link chooses a password. */
export function ChoosePage({ link, token, error }: { link: OpenLink; token: string; error?: string }) {
  const invited = link.kind === "invitation";
  return (
    <Page title="Choose a password">
      <div class="card">
        <h1>{invited ? `Welcome, ${link.name}` : "Choose another password"}</h1>
        <p>
          {invited
            ? "Choose the password with which you sign in to Gatehouse."
            : "Your old password ends, and you are signed out on every browser."}{" "}
          This link works once.
        </p>
        {error !== undefined && (
          <p class="notice danger" role="alert" id="error">
            {error}
          </p>
        )}
        <form method="post" action="/password">
          <input type="hidden" name="link" value={token} />
          <label class="field">
            E-mail
            <input type="email" name="email" value={link.email} autocomplete="username" readonly />
          </label>
          <label class="field">
            New password
            <input
              type="password"
              name="new"
              autocomplete="new-password"
              required
              autofocus
              minlength={PASSWORD_LENGTH.min}
              maxlength={PASSWORD_LENGTH.max}
              aria-invalid={error === undefined ? undefined : "true"}
              aria-describedby="password-rule"
            />
          </label>
          <p class="quiet small" id="password-rule">
            At least {PASSWORD_LENGTH.min} characters.
          </p>
          <div class="actions">
            <button type="submit" class="primary">
              Set password
            </button>
          </div>
        </form>
      </div>
    </Page>
  );
}

/** What still opens an account after its password was reset. */
export interface LeftAfterReset {
  passkeys: number;
  apps: number;
  keys: number;
}

/** After a password was chosen. */
export function ChosenPage({ left }: { left: LeftAfterReset | null }) {
  return (
    <Page title="Your password is set">
      <div class="card">
        <h1>Your password is set</h1>
        <p>Sign in with it. If you have a second factor, Gatehouse asks for that as well.</p>
        {left !== null && (
          <div class="notice caution">
            <p>
              These still open your account. If another person had your password, look at them once you are
              signed in, and remove what is not yours.
            </p>
            <ul>
              {left.passkeys > 0 && (
                <li>
                  <a href="/account/passkeys">Passkeys: {left.passkeys}</a>
                </li>
              )}
              {left.apps > 0 && (
                <li>
                  <a href="/account">Connected apps: {left.apps}</a>
                </li>
              )}
              {left.keys > 0 && (
                <li>
                  <a href="/account/keys">API keys: {left.keys}</a>
                </li>
              )}
            </ul>
          </div>
        )}
        <p>
          <a class="button primary" href="/sign-in">
            Sign in
          </a>
        </p>
      </div>
    </Page>
  );
}
