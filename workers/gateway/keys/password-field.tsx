import { PASSWORD_LENGTH } from "../sign-in/auth.ts";

/** The password of a person without a second factor, asked once more. */
export function PasswordField() {
  return (
    <label class="field">
      Your password
      <input
        type="password"
        name="password"
        autocomplete="current-password"
        required
        maxlength={PASSWORD_LENGTH.max}
      />
    </label>
  );
}
