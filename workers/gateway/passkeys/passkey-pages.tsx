import type { Child } from "hono/jsx";
import { Page } from "../../../shared/web/page.tsx";
import { PasswordField } from "../keys/password-field.tsx";
import type { StoredPasskey } from "./own-passkeys.ts";

/** Longest name of a passkey, in characters. */
export const NAME_LENGTH = 60;

/** A form that the script answers with a passkey. */
function PasskeyForm(props: {
  kind: "create" | "get";
  action: string;
  options: object;
  children: Child;
  label: string;
}) {
  const { kind, action, options, children, label } = props;
  return (
    <form method="post" action={action} data-passkey={kind} data-options={JSON.stringify(options)}>
      <input type="hidden" name="answer" value="" />
      {children}
      <p data-say="" role="status" />
      <noscript>
        <p class="notice">
          Passkeys need JavaScript, on this page alone. Every other way to sign in works without.
        </p>
      </noscript>
      <div class="actions">
        {/* The script enables it in a browser that can use passkeys. */}
        <button type="submit" class="primary" disabled>
          {label}
        </button>
      </div>
      <script src="/passkeys.js" defer />
    </form>
  );
}

/** Signs in with a passkey, or shows with one that it is still the same person. */
export function UsePage({ options, next, error }: { options: object; next: string; error?: string }) {
  return (
    <Page title="Passkey">
      <div class="card">
        <h1>Use your passkey</h1>
        <p class="quiet">Your device or security key asks for your finger, face or PIN.</p>
        {error !== undefined && (
          <p class="notice danger" role="alert">
            {error}
          </p>
        )}
        <PasskeyForm kind="get" action="/sign-in/passkey" options={options} label="Use a passkey">
          <input type="hidden" name="next" value={next} />
        </PasskeyForm>
      </div>
      <p class="quiet small">
        Lost it? <a href={`/sign-in?next=${encodeURIComponent(next)}&fresh=1`}>Sign in another way</a>.
      </p>
    </Page>
  );
}

/** A person's passkeys, with a way to add and to remove one. */
export function PasskeysPage(props: {
  passkeys: readonly StoredPasskey[];
  options: object;
  subject: string;
  notice?: { tone: "good" | "danger"; text: string } | undefined;
  asksPassword: boolean;
}) {
  const { passkeys, options, subject, notice, asksPassword } = props;
  return (
    <Page title="Your passkeys" corner={<a href="/account">Your account</a>}>
      {notice && (
        <p class={`notice ${notice.tone}`} role={notice.tone === "danger" ? "alert" : "status"}>
          {notice.text}
        </p>
      )}
      <div class="card">
        <h1>Your passkeys</h1>
        <p>
          A passkey signs you in by itself, and counts as second factor: nothing is typed that could be
          stolen.
        </p>
        {passkeys.length === 0 ? (
          <p class="quiet">You have none yet.</p>
        ) : (
          <ul class="plain">
            {passkeys.map(({ id, name, createdAt, lastUsedAt }) => (
              <li>
                <h3>{name}</h3>
                <p class="quiet small">
                  since {dayOf(createdAt)} ·{" "}
                  {lastUsedAt === null ? "not used yet" : `last used ${dayOf(lastUsedAt)}`}
                </p>
                <form method="post" action="/account/passkeys/remove">
                  <input type="hidden" name="subject" value={subject} />
                  <input type="hidden" name="passkey" value={id} />
                  <button
                    type="submit"
                    class="danger"
                    aria-label={`Remove ${name}, since ${dayOf(createdAt)}`}
                  >
                    Remove
                  </button>
                </form>
              </li>
            ))}
          </ul>
        )}
        <h2>Add a passkey</h2>
        <PasskeyForm kind="create" action="/account/passkeys" options={options} label="Add a passkey">
          <input type="hidden" name="subject" value={subject} />
          <label class="field">
            Name, such as the device
            <input type="text" name="name" required maxlength={NAME_LENGTH} autocomplete="off" />
          </label>
          {asksPassword && <PasswordField />}
        </PasskeyForm>
      </div>
    </Page>
  );
}

function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
