import { Page } from "../../../shared/web/page.tsx";
import type { OwnConnection } from "./list-own.ts";

interface ConnectionsPageProps {
  connections: readonly OwnConnection[];
  /** Set on the page of one connection. */
  only?: boolean;
  notice?: { tone: "good" | "danger"; text: string } | undefined;
}

/** The accounts at other systems that a person can connect, and has connected. */
export function ConnectionsPage({ connections, only = false, notice }: ConnectionsPageProps) {
  return (
    <Page title="Your connections" wide corner={<a href="/account">Your account</a>}>
      {notice && (
        <p class={`notice ${notice.tone}`} role={notice.tone === "danger" ? "alert" : "status"}>
          {notice.text}
        </p>
      )}
      <h1>Your connections</h1>
      <section class="card">
        <p>
          These systems know you by an account of your own. Your apps reach them through Gatehouse with your
          account, and see what you may see there. Gatehouse keeps the access encrypted; no app and no
          administrator can read it.
        </p>
      </section>
      <section class="card">
        {connections.length === 0 ? (
          <p>No system with accounts of your own is connected to this Gatehouse.</p>
        ) : (
          <ul class="plain">
            {connections.map((connection) => (
              <ConnectionItem connection={connection} />
            ))}
          </ul>
        )}
        {only && (
          <p>
            <a href="/connections">All connections</a>
          </p>
        )}
      </section>
    </Page>
  );
}

const STATES = {
  none: <span class="badge">Not connected</span>,
  connected: <span class="badge good">Connected</span>,
  reconnect: <span class="badge caution">Ended by the other system</span>,
};

const WORDS = { none: "Connect", connected: "Connect another account", reconnect: "Connect again" } as const;

function ConnectionItem({ connection: { name, entry, account } }: { connection: OwnConnection }) {
  const { state, since, issuer, scope } = account;
  const host = URL.parse(entry.reach.url)?.host ?? "";
  return (
    <li>
      <h3>
        {entry.title} {STATES[state]}
      </h3>
      <p>{entry.description}</p>
      <p class="quiet small">
        {host}
        {issuer !== null && issuer !== host && ` · account at ${issuer}`}
        {since !== null && ` · since ${new Date(since).toISOString().slice(0, 10)}`}
        {scope !== null && scope !== "" && ` · ${scope.slice(0, 300)}`}
      </p>
      <div class="actions">
        <form class="inline" method="post" action={`/connections/${name}/connect`}>
          <button
            type="submit"
            class={state === "connected" ? "" : "primary"}
            aria-label={`${WORDS[state]}: ${entry.title}`}
          >
            {WORDS[state]}
          </button>
        </form>
        {state !== "none" && (
          <form class="inline" method="post" action={`/connections/${name}/disconnect`}>
            <button type="submit" class="danger" aria-label={`Disconnect: ${entry.title}`}>
              Disconnect
            </button>
          </form>
        )}
      </div>
    </li>
  );
}
