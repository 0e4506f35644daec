import { Page } from "../../../shared/web/page.tsx";
import { EMAIL_LENGTH, PASSWORD_LENGTH } from "./auth.ts";

/** Properties of the sign-in page. */
export interface SignInPageProps {
  /** A validated path on our origin, opened after sign-in. */
  next: string;
  /** What the user typed before. */
  email?: string;
  error?: string;
}

/** The sign-in form. Works without scripts and with a password manager. */
export function SignInPage({ next, email, error }: SignInPageProps) {
  const failed = error !== undefined;
  return (
    <Page title="Sign in">
      <div class="card">
        <h1>Sign in</h1>
        <p class="quiet">
          {next.startsWith("/authorize")
            ? "An app wants to connect to Gatehouse. Sign in to decide what it may do."
            : next.startsWith("/approvals/")
              ? "A call waits for a decision. Sign in to see what it would do."
              : "Use the account that your administrator gave you."}
        </p>
        {failed && (
          <p class="notice danger" role="alert" id="error">
            {error}
          </p>
        )}
        <form method="post" action="/sign-in">
          <input type="hidden" name="next" value={next} />
          <label class="field">
            E-mail
            <input
              type="email"
              name="email"
              value={email}
              autocomplete="username"
              required
              maxlength={EMAIL_LENGTH}
              autofocus={!email}
              aria-invalid={failed ? "true" : undefined}
              aria-describedby={failed ? "error" : undefined}
            />
          </label>
          <label class="field">
            Password
            <input
              type="password"
              name="password"
              autocomplete="current-password"
              required
              maxlength={PASSWORD_LENGTH.max}
              autofocus={Boolean(email)}
              aria-invalid={failed ? "true" : undefined}
              aria-describedby={failed ? "error" : undefined}
            />
          </label>
          <div class="actions">
            <button type="submit" class="primary">
              Sign in
            </button>
          </div>
        </form>
      </div>
      <p class="quiet small">
        Forgot your password, or waiting for a first one? An administrator gives you a link for it.
      </p>
    </Page>
  );
}
