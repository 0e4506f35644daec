import type { Proof } from "../../../shared/people/key-request.ts";
import { KeysFrame } from "./keys-page.tsx";

interface ShownKeyProps {
  name: string;
  /** The account's id: its client id at the token endpoint. */
  id: string;
  proof: Proof;
  /** Text of the secret. */
  text: string;
  path: string;
  /** An MCP URL that the key may use. */
  url: string;
  publicUrl: string;
  rotated: boolean;
  /** Whom the person asks for what the policy has to say. */
  contact: string;
}

/** What the agent needs: a new secret, once; or how an account without one gets its tokens. */
export function ShownKeyPage(props: ShownKeyProps) {
  return props.proof === "secret" ? <ShownSecret {...props} /> : <WithoutSecret {...props} />;
}

function ShownSecret({ name, id, text, path, url, publicUrl, rotated }: ShownKeyProps) {
  return (
    <KeysFrame title="Keep this key" corner={<a href="/account/keys">API keys</a>}>
      <div class="card">
        <h1>Keep this key</h1>
        <p>
          {rotated ? "The new secret of" : "The key"} <strong>{name}</strong>.{" "}
          <strong>It is shown this once:</strong> put it into the agent’s secret store now. Gatehouse keeps
          only its SHA-256.
        </p>
        <pre class="secret" id="key">
          {text}
        </pre>
        <p>The agent sends it in a header with every request, never in an address:</p>
        <pre>{`POST ${url}\nAuthorization: Bearer ${text.slice(0, 18)}…`}</pre>
        <p>An agent that speaks OAuth sends it as client secret instead, and gets tokens of 15 minutes:</p>
        <Facts id={id} publicUrl={publicUrl} />
        <Kept path={path}>I have kept it</Kept>
      </div>
    </KeysFrame>
  );
}

function WithoutSecret({ name, id, proof, path, publicUrl, rotated, contact }: ShownKeyProps) {
  return (
    <KeysFrame title="Service account" corner={<a href="/account/keys">API keys</a>}>
      <div class="card">
        <h1>{rotated ? "Rotated" : "The account is made"}</h1>
        <p>
          <strong>{name}</strong> has no secret.{" "}
          {proof === "public_key"
            ? "The agent signs each request for a token with its private key (private_key_jwt)."
            : `The policy has to name it, in a rule under sign_in.workloads: ask ${contact}.`}
        </p>
        <Facts id={id} publicUrl={publicUrl} />
        <Kept path={path}>Look at the account</Kept>
      </div>
    </KeysFrame>
  );
}

function Facts({ id, publicUrl }: Pick<ShownKeyProps, "id" | "publicUrl">) {
  return (
    <dl class="facts">
      <dt>Client id</dt>
      <dd>
        <code>{id}</code>
      </dd>
      <dt>Token endpoint</dt>
      <dd>
        <code>{publicUrl}/oauth/token</code>
      </dd>
    </dl>
  );
}

function Kept({ path, children }: { path: string; children: string }) {
  return (
    <p>
      <a class="button primary" href={path}>
        {children}
      </a>
    </p>
  );
}
