/**
 * The one script of our pages: browsers offer passkeys to scripts only. It reads the options from the form, asks the
 * browser, and sends the form with the answer. Without it the pages say what else signs in.
 */
export const PASSKEY_SCRIPT = `"use strict";
for (const form of document.querySelectorAll("form[data-passkey]")) {
  const say = (text) => { form.querySelector("[data-say]").textContent = text; };
  const able = typeof PublicKeyCredential === "function" && "parseCreationOptionsFromJSON" in PublicKeyCredential;
  form.querySelector("button").disabled = !able;
  if (!able) say("This browser cannot use passkeys here.");
  form.addEventListener("submit", async (event) => {
    if (form.elements.answer.value !== "") return;
    event.preventDefault();
    const options = JSON.parse(form.dataset.options);
    try {
      const credential = form.dataset.passkey === "create"
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
      form.elements.answer.value = JSON.stringify(credential.toJSON());
      form.submit();
    } catch {
      say(\`Nothing was \${form.dataset.passkey === "create" ? "added" : "used"}. Try again, or go another way.\`);
    }
  });
}
`;

/** Of pages with this script: ours alone runs. */
export const PASSKEY_PAGE_POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";
