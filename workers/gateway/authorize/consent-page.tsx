import type { ConsentDescription } from "@cloudflare/workers-oauth-provider";
import { toDisplayText } from "../../../shared/text/display-text.ts";
import { Page } from "../../../shared/web/page.tsx";
import { describeDestination, privateSchemeOf } from "../oauth/redirects.ts";
import type { Resource } from "../oauth/resources.ts";
import type { Person } from "../people.ts";
import type { Offer, OfferedScope } from "./offer.ts";

/** Most characters of a client name. */
export const NAME_LENGTH = 80;

/** Properties of the consent page. Every string in `client` is untrusted. */
export interface ConsentPageProps {
  client: ConsentDescription;
  resource: Resource;
  person: Person;
  offers: Offer[];
  /** Requested scopes that the user's role does not include. */
  withheld: string[];
  handle: string;
  /** Path and query of this page, for its form and for links back. */
  here: string;
  /** Whom the person asks for more. */
  contact: string;
  error?: string;
}

/**
 * The consent page (row I2): the client, its redirect destination, the server, and a checkbox per permission.
 */
export function ConsentPage({
  client,
  resource,
  person,
  offers,
  withheld,
  handle,
  here,
  contact,
  error,
}: ConsentPageProps) {
  const name = toDisplayText(client.clientName, NAME_LENGTH) || "An unnamed app";
  return (
    <Page title="Allow access">
      <div class="card">
        <h1>
          Allow <q>{name}</q> to work with {resource.server === null ? "Gatehouse" : resource.title} for you?
        </h1>
        <Identity client={client} resource={resource} person={person} here={here} />
        {(client.redirectIsLoopback || privateSchemeOf(client.redirectUri) !== null) && (
          <p class="notice caution">
            <strong>Access goes to an app on this computer.</strong> Continue only if you have just started to
            connect it yourself.
          </p>
        )}
        {error !== undefined && (
          <p class="notice danger" role="alert" id="error">
            {error}
          </p>
        )}
        <form method="post" action={here} aria-describedby={error === undefined ? undefined : "error"}>
          <input type="hidden" name="handle" value={handle} />
          <input type="hidden" name="subject" value={person.id} />
          {offers.map((offer) => (
            <fieldset>
              <legend>{offer.title}</legend>
              <p class="quiet small">{offer.description}</p>
              {offer.scopes.map((scope) => (
                <ScopeBox scope={scope} />
              ))}
            </fieldset>
          ))}
          {offers.length === 0 && (
            <p class="notice caution">
              Your role ({person.role}) includes nothing here. Ask {contact} for access.
            </p>
          )}
          {withheld.length > 0 && offers.length > 0 && (
            <p class="quiet small">
              It also asked for <code>{withheld.join(", ")}</code>, which your role ({person.role}) does not
              include.
            </p>
          )}
          <div class="actions">
            <button type="submit" name="decision" value="deny">
              Deny
            </button>
            {offers.length > 0 && (
              <button type="submit" name="decision" value="allow" class="primary">
                Allow
              </button>
            )}
          </div>
        </form>
      </div>
      <p class="quiet small">
        You can take this back at any time on your <a href="/account">account page</a>.
      </p>
    </Page>
  );
}

function Identity({
  client,
  resource,
  person,
  here,
}: Pick<ConsentPageProps, "client" | "resource" | "person" | "here">) {
  return (
    <dl class="facts">
      <dt>Published by</dt>
      <dd>
        {client.clientDomain === undefined ? (
          <>
            <span class="badge caution">Not verified</span>{" "}
            <span class="quiet small">The app registered itself and chose its own name.</span>
          </>
        ) : (
          <>
            <strong>{client.clientDomain}</strong> <span class="badge good">Verified domain</span>
          </>
        )}
      </dd>
      <dt>Access goes to</dt>
      <dd>
        <strong>{describeDestination(client.redirectUri)}</strong>
      </dd>
      <dt>Covers</dt>
      <dd>
        {resource.server === null
          ? resource.servers.map((server) => server.title).join(", ")
          : `${resource.title} only`}
        <br />
        <code class="quiet">{resource.url}</code>
      </dd>
      <dt>Signed in as</dt>
      <dd>
        {person.name} <span class="quiet">({person.email})</span>{" "}
        <form class="inline" method="post" action="/sign-out">
          <input type="hidden" name="next" value={here} />
          <button type="submit" class="link">
            Not you?
          </button>
        </form>
      </dd>
    </dl>
  );
}

const ACCESS_TEXT: Record<OfferedScope["access"], string> = {
  read: "Reads only",
  change: "Can change data",
  delete: "Can delete data",
};

function ScopeBox({ scope }: { scope: OfferedScope }) {
  return (
    <label class={`scope ${scope.access === "read" ? "reads" : "changes"}`}>
      <input type="checkbox" name="scope" value={scope.scope} checked={scope.ticked} />
      <span>
        {scope.description}
        <span class="meta">
          <span class={scope.access === "read" ? "badge" : "badge caution"}>{ACCESS_TEXT[scope.access]}</span>
          <code>{scope.scope}</code>
        </span>
      </span>
    </label>
  );
}
