/** The public key of an account that signs. */
export function PublicKeyField({ value }: { value: string }) {
  return (
    <>
      <label class="field">
        Public key (for signatures only)
        <textarea name="public_key" rows={4} spellcheck={false} aria-describedby="public-key-rule">
          {value}
        </textarea>
      </label>
      <p class="quiet small" id="public-key-rule">
        PEM (<code>BEGIN PUBLIC KEY</code>) or a JSON Web Key, of the curve P-256 or of RSA with 2,048 bits or
        more. The private key stays with the agent.
      </p>
    </>
  );
}
