import { Page } from "../../../shared/web/page.tsx";

/** Properties of the page. */
export interface CodePageProps {
  /** A validated path on our origin, opened after the code. */
  next: string;
  /** Asks for a backup code instead of the app's. */
  backup: boolean;
  /** A signed-in user confirms their identity; otherwise the code completes a sign-in. */
  signedIn: boolean;
  /** Whom the person asks who has neither app nor codes. */
  contact: string;
  error?: string;
}

/** Asks for the second factor, at sign-in and whenever a fresh one is needed. */
export function CodePage({ next, backup, signedIn, contact, error }: CodePageProps) {
  const other = `/sign-in/code?${new URLSearchParams({ next, ...(!backup && { with: "backup" }) })}`;
  const failed = error !== undefined;
  return (
    <Page title="Second factor">
      <div class="card">
        <h1>{signedIn ? "Confirm that it is you" : "Enter your second factor"}</h1>
        <p class="quiet">
          {backup
            ? "One of the backup codes that you kept when you set up the second factor. Each works once."
            : "The six digits that your authenticator app shows for Gatehouse right now."}
        </p>
        {failed && (
          <p class="notice danger" role="alert" id="error">
            {error}
          </p>
        )}
        <form method="post" action="/sign-in/code">
          <input type="hidden" name="next" value={next} />
          {backup && <input type="hidden" name="with" value="backup" />}
          <label class="field">
            {backup ? "Backup code" : "Code from your app"}
            <input
              type="text"
              name="code"
              class="code"
              inputmode={backup ? "text" : "numeric"}
              autocomplete={backup ? "off" : "one-time-code"}
              autocapitalize="none"
              spellcheck={false}
              required
              maxlength={32}
              autofocus
              aria-invalid={failed ? "true" : undefined}
              aria-describedby={failed ? "error" : undefined}
            />
          </label>
          <div class="actions">
            <button type="submit" class="primary">
              Continue
            </button>
          </div>
        </form>
      </div>
      <p class="quiet small">
        <a href={other}>{backup ? "Use the code from your app" : "Use a backup code instead"}</a>. If you have
        neither, <a href={`/sign-in/passkey?next=${encodeURIComponent(next)}`}>use a passkey</a>, or ask{" "}
        {contact} to take the second factor away.
      </p>
    </Page>
  );
}
