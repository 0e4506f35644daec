import type { ConnectedApp } from "./connected-apps.ts";
import { RecentList } from "./recent-list.tsx";

/** From this number of apps on the list can be searched, and all be disconnected at once. */
const MANY = 3;

interface AppListProps {
  apps: readonly ConnectedApp[];
  cursor?: string | undefined;
  query: string;
}

/** The person's connected apps: with a search, what each may do and did lately, and its end. */
export function AppList({ apps, cursor, query }: AppListProps) {
  const isLong = apps.length >= MANY || cursor !== undefined || query !== "";
  return (
    <>
      {isLong && (
        <form method="get" action="/account">
          <label class="field">
            Search by name, domain or server
            <input type="search" name="q" value={query} maxlength={100} />
          </label>
          <div class="actions">
            <button type="submit">Search</button>
            {query !== "" && <a href="/account">All apps</a>}
          </div>
        </form>
      )}
      {apps.length === 0 && query !== "" && <p>No app fits.</p>}
      {apps.length === 0 && query === "" && (
        <p>
          No app is connected. Add one of the <a href="/">MCP addresses</a> to your AI client to begin.
        </p>
      )}
      {apps.length > 0 && (
        <ul class="plain">
          {apps.map((app) => (
            <AppItem app={app} />
          ))}
        </ul>
      )}
      {cursor !== undefined && (
        <p>
          <a href={`/account?cursor=${encodeURIComponent(cursor)}`}>More apps</a>
        </p>
      )}
      {isLong && query === "" && (
        <details>
          <summary>Disconnect all apps</summary>
          <p>Every app is refused at its next call. Each can be connected again. API keys stay.</p>
          <form method="post" action="/account/revoke">
            <input type="hidden" name="all" value="yes" />
            <button type="submit" class="danger">
              Yes, disconnect all
            </button>
          </form>
        </details>
      )}
    </>
  );
}

function AppItem({ app }: { app: ConnectedApp }) {
  return (
    <li>
      <h3>{app.name}</h3>
      <p class="quiet small">
        {app.domain === null ? (
          <span class="badge caution">Not verified</span>
        ) : (
          <span class="badge good">{app.domain}</span>
        )}{" "}
        {app.covers} ·{" "}
        {app.connectedBy === null ? `sends to ${app.redirectHost}` : `connected by ${app.connectedBy}`} ·
        since <Day date={app.since} /> ·{" "}
        {app.lastUsed === null ? (
          "not used yet"
        ) : (
          <>
            last used <Time date={app.lastUsed} />
          </>
        )}
        {app.expires && (
          <>
            {" "}
            · ends <Day date={app.expires} /> if unused
          </>
        )}
      </p>
      {app.use && (
        <p class="quiet small">
          First used <Time date={app.use.firstUsed} />
          {app.use.address !== null && <> · from {app.use.address}</>}
          {app.use.userAgent !== null && <> · {app.use.userAgent}</>}
        </p>
      )}
      <ul class="grants">
        {app.scopes.map(({ description, access }) => (
          <li>
            {description} {access !== "read" && <span class="badge caution">Can {access} data</span>}
          </li>
        ))}
      </ul>
      {app.recent.length > 0 && (
        <>
          <p class="quiet small">{app.isOnly ? "Lately:" : "Lately, on all machines of this app:"}</p>
          <RecentList calls={app.recent} />
        </>
      )}
      <form method="post" action="/account/revoke">
        <input type="hidden" name="grant" value={app.grantId} />
        <button type="submit" class="danger" aria-label={nameApp(app)}>
          Revoke access
        </button>
      </form>
    </li>
  );
}

/** Without it, two machines with the same app would have identical buttons. */
function nameApp({ name, covers, use }: ConnectedApp): string {
  const first =
    use && `, first used ${minuteOf(use.firstUsed)}${use.address === null ? "" : ` from ${use.address}`}`;
  return `Revoke access of ${name}, ${covers}${first ?? ""}`;
}

function minuteOf(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

function Time({ date }: { date: Date }) {
  return <time dateTime={date.toISOString()}>{minuteOf(date)}</time>;
}

function Day({ date }: { date: Date }) {
  const day = date.toISOString().slice(0, 10);
  return <time dateTime={date.toISOString()}>{day}</time>;
}
