import { KEY_DAYS, KEY_NAME_LENGTH, type Proof } from "../../../shared/people/key-request.ts";
import type { Offer } from "../authorize/offer.ts";
import type { Resource } from "../oauth/resources.ts";
import type { KeyOwner } from "../teams/own-teams.ts";
import { KeysFrame, type Notice } from "./keys-page.tsx";
import { PasswordField } from "./password-field.tsx";
import { PublicKeyField } from "./public-key-field.tsx";
import type { TypedKey } from "./read-key-form.ts";

interface NewKeyPageProps {
  typed: TypedKey;
  resources: readonly Resource[];
  /** Permissions of the owner's role, by server. */
  offers: readonly Offer[];
  owner: KeyOwner;
  subject: string;
  /** Id that the key will have, signed for this person: a form that is sent twice makes one key. */
  issued: string;
  asksPassword: boolean;
  /** Whom the person asks for what the policy has to say. */
  contact: string;
  notice?: Notice | undefined;
}

const PROOF_TEXTS: readonly { proof: Proof; title: string; text: string; asks?: true }[] = [
  { proof: "secret", title: "By its text", text: "A secret that the agent keeps. It is shown once." },
  {
    proof: "public_key",
    title: "By a signature",
    text: "The agent keeps a private key, and you give the public one below (private_key_jwt).",
  },
  {
    proof: "workload",
    title: "By the token of a trusted issuer",
    text: "For jobs of GitHub Actions or Kubernetes. The policy has to name the account: ask ",
    asks: true,
  },
];

/** The form for a new key. */
export function NewKeyPage(props: NewKeyPageProps) {
  const { typed, resources, offers, owner, subject, issued, asksPassword, contact, notice } = props;
  return (
    <KeysFrame title="New API key" corner={<a href="/account/keys">API keys</a>} notice={notice}>
      <h1>{owner.team === null ? "New API key" : `New API key of ${owner.team}`}</h1>
      {owner.team !== null && (
        <p>
          It calls as the team, with the team’s role <strong>{owner.role}</strong>. Every member sees it, and
          may rotate and revoke it. It stops when the last member leaves.
        </p>
      )}
      <form method="post" action="/account/keys" class="card">
        <input type="hidden" name="subject" value={subject} />
        <input type="hidden" name="key" value={issued} />
        {owner.team !== null && <input type="hidden" name="team" value={owner.id} />}
        <label class="field">
          Name of the agent or job
          <input
            type="text"
            name="name"
            value={typed.name}
            required
            maxlength={KEY_NAME_LENGTH}
            autocomplete="off"
          />
        </label>
        <fieldset>
          <legend>MCP addresses</legend>
          <p class="quiet small">The key works at these and at no other.</p>
          {resources.map(({ path, title, url, server }) => (
            <label class="scope">
              <input type="checkbox" name="resource" value={path} checked={typed.resources.includes(path)} />
              <span>
                {server === null ? "Everything" : title}
                <span class="meta">
                  <code>{url}</code>
                </span>
              </span>
            </label>
          ))}
        </fieldset>
        {offers.map((offer) => (
          <fieldset>
            <legend>{offer.title}</legend>
            <p class="quiet small">{offer.description}</p>
            {offer.scopes.map(({ scope, description, access }) => (
              <label class={`scope ${access === "read" ? "reads" : "changes"}`}>
                <input type="checkbox" name="scope" value={scope} checked={typed.scopes.includes(scope)} />
                <span>
                  {description}
                  <span class="meta">
                    {access !== "read" && <span class="badge caution">Can {access} data</span>}
                    <code>{scope}</code>
                  </span>
                </span>
              </label>
            ))}
          </fieldset>
        ))}
        {offers.length === 0 && (
          <p class="notice caution">
            {owner.team === null ? "Your role" : "The team’s role"} ({owner.role}) includes nothing that a key
            could do.
          </p>
        )}
        <label class="field">
          Only these tools (optional)
          <textarea name="tools" rows={3} spellcheck={false} aria-describedby="tools-rule">
            {typed.tools}
          </textarea>
        </label>
        <p class="quiet small" id="tools-rule">
          Names of tools, resources and prompts, or patterns such as <code>crm_get_*</code>, one a line.
          Empty: all that the role may use.
        </p>
        <label class="field">
          Only from these networks (optional)
          <textarea name="networks" rows={3} spellcheck={false} aria-describedby="networks-rule">
            {typed.networks}
          </textarea>
        </label>
        <p class="quiet small" id="networks-rule">
          Networks in CIDR form such as <code>203.0.113.0/24</code> or <code>2001:db8::/32</code>, one a line.
          Empty: from everywhere.
        </p>
        <label class="field">
          Only with a client certificate (optional)
          <textarea name="certificates" rows={2} spellcheck={false} aria-describedby="certificates-rule">
            {typed.certificates}
          </textarea>
        </label>
        <p class="quiet small" id="certificates-rule">
          <code>required</code> for any that the zone’s mTLS verifies, or SHA-256 fingerprints, one a line.
          Empty: none needed.
        </p>
        <label class="field">
          Days until it ends
          <input type="number" name="days" value={typed.days} min="1" max={String(KEY_DAYS.max)} required />
        </label>
        <fieldset>
          <legend>How it proves itself</legend>
          <p class="quiet small">Limits, end and trail are the same whichever it is.</p>
          {PROOF_TEXTS.map(({ proof, title, text, asks }) => (
            <label class="scope">
              <input type="radio" name="proof" value={proof} checked={typed.proof === proof} />
              <span>
                {title}
                <span class="meta">{asks ? `${text}${contact}.` : text}</span>
              </span>
            </label>
          ))}
        </fieldset>
        <PublicKeyField value={typed.publicKey} />
        {asksPassword && <PasswordField />}
        <div class="actions">
          <button type="submit" class="primary">
            Make key
          </button>
        </div>
      </form>
    </KeysFrame>
  );
}
