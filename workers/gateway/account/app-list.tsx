import { StatusBadge } from "../console/trail/status-badge.tsx";
import type { ConnectedApp } from "./connected-apps.ts";

/** From this number of apps on the list can be searched, and all be disconnected at once. */
const MANY = 3;

interface AppListProps {
  apps: readonly ConnectedApp[];
  /** Which page of the list, from 1, and how many there are. */
  page: number;
  pages: number;
  /** Apps on all pages. */
  total: number;
  query: string;
}

/** The person's connected apps: with a search, what each may do and did lately, and its end. */
export function AppList({ apps, page, pages, total, query }: AppListProps) {
  const isLong = total >= MANY || query !== "";
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
      {pages > 1 && (
        <p>
          {page > 1 && <a href={pathOf(query, page - 1)}>Newer apps</a>}{" "}
          <span class="quiet">{`Page ${page} of ${pages}, ${total} apps.`}</span>{" "}
          {page < pages && <a href={pathOf(query, page + 1)}>Older apps</a>}
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

/** One line or two: the app's own page has the rest. */
function AppItem({ app }: { app: ConnectedApp }) {
  const { name, covers, redirectHost, connectedBy, scopes, lastUsed, use, recent } = app;
  const [latest] = recent;
  const changes = scopes.some(({ access }) => access !== "read");
  return (
    <li>
      <h3>
        <a href={`/account/apps/${encodeURIComponent(app.grantId)}`} aria-label={nameApp(app)}>
          {name}
        </a>
      </h3>
      <p class="quiet small">
        <Verified app={app} /> {changes && <span class="badge caution">Can change data</span>} {covers} ·{" "}
        {connectedBy === null ? `sends to ${redirectHost}` : `connected by ${connectedBy}`} ·{" "}
        {lastUsed === null ? (
          "not used yet"
        ) : (
          <>
            last used <Time date={lastUsed} />
          </>
        )}
      </p>
      {use && (
        <p class="quiet small">
          First used <Time date={use.firstUsed} />
          {use.address !== null && <> · from {use.address}</>}
          {use.userAgent !== null && <> · {use.userAgent}</>}
        </p>
      )}
      {latest && (
        <p class="quiet small">
          {app.isOnly ? "Lately:" : "Lately, on all machines of this app:"} <code>{latest.name}</code>{" "}
          <StatusBadge status={latest.decision === "allow" ? latest.status : "denied"} error={latest.error} />
        </p>
      )}
    </li>
  );
}

/** Whether a domain vouches for an app's name. */
export function Verified({ app: { domain } }: { app: ConnectedApp }) {
  return domain === null ? (
    <span class="badge caution">Not verified</span>
  ) : (
    <span class="badge good">{domain}</span>
  );
}

/** What an app may do, in words. */
export function ScopeList({ app: { scopes } }: { app: ConnectedApp }) {
  return (
    <ul class="grants">
      {scopes.map(({ description, access }) => (
        <li>
          {description} {access !== "read" && <span class="badge caution">Can {access} data</span>}
        </li>
      ))}
    </ul>
  );
}

function pathOf(query: string, page: number): string {
  return `/account?${new URLSearchParams({ ...(query !== "" && { q: query }), page: String(page) })}`;
}

/** Without it, two machines with the same app would have identical links. */
function nameApp({ name, covers, use }: ConnectedApp): string {
  const first =
    use && `, first used ${minuteOf(use.firstUsed)}${use.address === null ? "" : ` from ${use.address}`}`;
  return `${name}, ${covers}${first ?? ""}`;
}

function minuteOf(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** A minute, in UTC. */
export function Time({ date }: { date: Date }) {
  return <time dateTime={date.toISOString()}>{minuteOf(date)}</time>;
}

/** A day, in UTC. */
export function Day({ date }: { date: Date }) {
  const day = date.toISOString().slice(0, 10);
  return <time dateTime={date.toISOString()}>{day}</time>;
}
