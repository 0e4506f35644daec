import type { Child } from "hono/jsx";
import { Page } from "../../../shared/web/page.tsx";
import { PasswordField } from "../keys/password-field.tsx";
import { againTo } from "../sign-in/local-path.ts";
import type { PendingFactor } from "./enrolment.ts";
import { QrCode } from "./qr-code.tsx";

/** A message above the page. */
export interface Notice {
  tone: "good" | "danger" | "caution";
  text: string;
}

interface FrameProps {
  title: string;
  notice?: Notice | undefined;
  children: Child;
}

const TO_ACCOUNT = <a href="/account">Your account</a>;
const PLACE = "/account/second-factor";

function Frame({ title, notice, children }: FrameProps) {
  return (
    <Page title={title} corner={TO_ACCOUNT}>
      {notice && (
        <p class={`notice ${notice.tone}`} role={notice.tone === "danger" ? "alert" : "status"}>
          {notice.text}
        </p>
      )}
      <div class="card">
        <h1>{title}</h1>
        {children}
      </div>
    </Page>
  );
}

/** Before set-up: an explanation, and the password, or a fresh sign-in of a person who has none. */
export function StartPage({
  next,
  confirm,
  notice,
}: {
  next: string;
  /** What the person has to show first. */
  confirm: "password" | "sign_in" | "none";
  notice?: Notice | undefined;
}) {
  return (
    <Frame title="Set up a second factor" notice={notice}>
      <p>
        An authenticator app on your phone then shows a new code every 30 seconds, and signing in asks for it
        {confirm === "password" ? " after your password." : "."}
      </p>
      {confirm === "sign_in" ? (
        <p>
          <a class="button primary" href={againTo(`${PLACE}?next=${encodeURIComponent(next)}`)}>
            Sign in again first
          </a>
        </p>
      ) : (
        <form method="post" action={`${PLACE}/start`}>
          <input type="hidden" name="next" value={next} />
          {confirm === "password" && <PasswordField />}
          <div class="actions">
            <button type="submit" class="primary">
              Continue
            </button>
          </div>
        </form>
      )}
    </Frame>
  );
}

/** The secret as picture and text, and a field for the code that confirms it. */
export function ConfirmPage({
  next,
  pending,
  notice,
}: {
  next: string;
  pending: PendingFactor;
  notice?: Notice | undefined;
}) {
  return (
    <Frame title="Add Gatehouse to your app" notice={notice}>
      <p>Scan this with an authenticator app, or open it there on this device.</p>
      <QrCode text={pending.uri} label="QR code with the secret that is shown below as text" />
      <p>
        <a href={pending.uri}>Open in an app on this device</a>
      </p>
      <p>Or type this secret into the app:</p>
      <pre class="secret">{pending.secret}</pre>
      <form method="post" action={`${PLACE}/confirm`}>
        <input type="hidden" name="next" value={next} />
        <CodeField label="The code that the app shows now" />
        <div class="actions">
          <button type="submit" class="primary">
            Turn on
          </button>
        </div>
      </form>
    </Frame>
  );
}

/** The backup codes, once. */
export function BackupCodesPage({ codes, next }: { codes: readonly string[]; next: string }) {
  return (
    <Frame title="Keep these backup codes">
      <p>
        Each signs you in once in place of a code from your app. <strong>They are shown this once:</strong>{" "}
        print them or put them into your password manager now.
      </p>
      <ul class="codes">
        {codes.map((code) => (
          <li>
            <code>{code}</code>
          </li>
        ))}
      </ul>
      <p>
        <a class="button primary" href={next}>
          I have kept them
        </a>
      </p>
    </Frame>
  );
}

/** Actions for a user with a second factor. */
export function ManagePage({
  left,
  required,
  asksPassword,
  notice,
}: {
  /** Number of unused backup codes. */
  left: number;
  /** The role requires a second factor, so it cannot be turned off. */
  required: boolean;
  /** The person has a password, and types it. */
  asksPassword: boolean;
  notice?: Notice | undefined;
}) {
  return (
    <Frame title="Your second factor" notice={notice}>
      <p>
        It is <strong>on</strong>. {left === 1 ? "One backup code is" : `${left} backup codes are`} left.
      </p>
      <h2>New backup codes</h2>
      <p class="quiet small">They replace all earlier ones.</p>
      <form method="post" action={`${PLACE}/codes`}>
        {asksPassword && <PasswordField />}
        <CodeField label="Code from your app, or a backup code" />
        <button type="submit">Make new codes</button>
      </form>
      <h2>Turn it off</h2>
      {required ? (
        <p class="quiet">Your role asks for a second factor, so it stays on.</p>
      ) : (
        <form method="post" action={`${PLACE}/off`}>
          {asksPassword && <PasswordField />}
          <CodeField label="Code from your app, or a backup code" />
          <button type="submit" class="danger">
            Turn off the second factor
          </button>
        </form>
      )}
    </Frame>
  );
}

function CodeField({ label }: { label: string }) {
  return (
    <label class="field">
      {label}
      <input
        type="text"
        name="code"
        class="code"
        autocomplete="one-time-code"
        autocapitalize="none"
        spellcheck={false}
        required
        maxlength={32}
      />
    </label>
  );
}
