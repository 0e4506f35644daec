import type { SignInRules } from "../../../shared/policy/sign-in/sign-in.ts";
import { Page } from "../../../shared/web/page.tsx";
import { EMAIL_LENGTH, PASSWORD_LENGTH } from "./auth.ts";

/** Properties of the sign-in page. */
export interface SignInPageProps {
  /** A validated path on our origin, opened after sign-in. */
  next: string;
  /** The person has to prove who they are, whatever session they have. */
  fresh: boolean;
  rules: SignInRules;
  /** What the user typed before. */
  email?: string;
  error?: string;
}

/** The ways to sign in: a button per provider, and the form. Works without scripts and with a password manager. */
export function SignInPage({ next, fresh, rules, email, error }: SignInPageProps) {
  const failed = error !== undefined;
  const providers = [...rules.providers];
  // With domains, the address alone may say where its person signs in.
  const hasForm = rules.passwordAllowed || rules.domains.size > 0;
  return (
    <Page title="Sign in">
      <div class="card">
        <h1>Sign in</h1>
        <p class="quiet">{reasonOf(next, rules)}</p>
        {failed && (
          <p class="notice danger" role="alert" id="error">
            {error}
          </p>
        )}
        {providers.length > 0 && (
          <ul class="ways">
            {providers.map(([name, { title }]) => (
              <li>
                <a class="button" href={pathTo(name, next, fresh)}>
                  Continue with {title}
                </a>
              </li>
            ))}
          </ul>
        )}
        {hasForm && providers.length > 0 && <p class="quiet small">Or begin with your e-mail address:</p>}
        {hasForm && (
          <form method="post" action="/sign-in">
            <input type="hidden" name="next" value={next} />
            {fresh && <input type="hidden" name="fresh" value="1" />}
            <label class="field">
              E-mail
              <input
                type="email"
                name="email"
                value={email}
                autocomplete="username"
                required
                maxlength={EMAIL_LENGTH}
                autofocus={!email && providers.length === 0}
                aria-invalid={failed ? "true" : undefined}
                aria-describedby={failed ? "error" : undefined}
              />
            </label>
            {rules.passwordAllowed && (
              <label class="field">
                Password
                <input
                  type="password"
                  name="password"
                  autocomplete="current-password"
                  required={rules.domains.size === 0}
                  maxlength={PASSWORD_LENGTH.max}
                  autofocus={Boolean(email)}
                  aria-invalid={failed ? "true" : undefined}
                  aria-describedby={failed ? "error" : undefined}
                />
              </label>
            )}
            <div class="actions">
              <button type="submit" class="primary">
                {rules.passwordAllowed ? "Sign in" : "Continue"}
              </button>
            </div>
          </form>
        )}
      </div>
      <p class="quiet small">
        <a href={`/sign-in/passkey?next=${encodeURIComponent(next)}`}>Sign in with a passkey</a>
      </p>
      {rules.passwordAllowed && (
        <p class="quiet small">
          Forgot your password, or waiting for a first one? Ask {rules.contact} for a link.
        </p>
      )}
    </Page>
  );
}

/**
 * Leads on to a provider. The browser goes by itself: a redirect of a form to another origin is refused by the policy of
 * our pages.
 */
export function LeadOnPage({ title, href }: { title: string; href: string }) {
  return (
    <Page title="Sign in">
      <div class="card">
        <h1>Sign in with {title}</h1>
        <p>People with your e-mail address sign in there.</p>
        <p>
          <a class="button primary" href={href}>
            Continue with {title}
          </a>
        </p>
      </div>
    </Page>
  );
}

/** After signing out here: the way out of the provider's session as well. */
export function SignedOutPage({ title, url }: { title: string; url: string }) {
  return (
    <Page title="Signed out">
      <div class="card">
        <h1>You are signed out of Gatehouse</h1>
        <p>You may still be signed in at {title}: the next sign-in here then asks nothing.</p>
        <div class="actions">
          <a class="button primary" href={url}>
            Sign out of {title} too
          </a>
          <a class="button" href="/sign-in">
            Sign in again
          </a>
        </div>
      </div>
    </Page>
  );
}

/** The address at which a sign-in with a provider begins. */
export function pathTo(provider: string, next: string, fresh: boolean): string {
  return `/sign-in/with/${provider}?${new URLSearchParams({ next, ...(fresh && { fresh: "1" }) })}`;
}

function reasonOf(next: string, { passwordAllowed, contact }: SignInRules): string {
  if (next.startsWith("/authorize"))
    return "An app wants to connect to Gatehouse. Sign in to decide what it may do.";
  if (next.startsWith("/approvals/")) return "A call waits for a decision. Sign in to see what it would do.";
  return passwordAllowed
    ? `Use your account. Ask ${contact} if you have none.`
    : "Use the account of your organization.";
}
