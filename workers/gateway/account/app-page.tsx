import { Page } from "../../../shared/web/page.tsx";
import { Day, ScopeList, Time, Verified } from "./app-list.tsx";
import type { ConnectedApp } from "./connected-apps.ts";
import { RecentList } from "./recent-list.tsx";

/** One connected app: where it came from, what it may do and did lately, and its end, which this page confirms. */
export function AppPage({ app }: { app: ConnectedApp }) {
  const { name, covers, redirectHost, connectedBy, since, lastUsed, use, expires, recent } = app;
  return (
    <Page title={name} wide corner={<a href="/account">Your account</a>}>
      <h1>{name}</h1>
      <section class="card">
        <p>
          <Verified app={app} /> {covers}
        </p>
        <dl class="facts">
          <dt>Connected</dt>
          <dd>
            <Day date={since} />
            {connectedBy !== null && ` by ${connectedBy}`}
          </dd>
          {connectedBy === null && (
            <>
              <dt>Sends to</dt>
              <dd>{redirectHost}</dd>
            </>
          )}
          {use !== null && (
            <>
              <dt>First used</dt>
              <dd>
                <Time date={use.firstUsed} />
              </dd>
              <dt>Machine</dt>
              <dd>{[use.userAgent, use.address].filter(Boolean).join(" · ") || "not known"}</dd>
            </>
          )}
          <dt>Last used</dt>
          <dd>{lastUsed === null ? "not used yet" : <Time date={lastUsed} />}</dd>
          {expires !== null && (
            <>
              <dt>Ends</dt>
              <dd>
                <Day date={expires} /> if unused
              </dd>
            </>
          )}
        </dl>
        <h2>May</h2>
        <ScopeList app={app} />
      </section>
      <h2>Lately</h2>
      <section class="card">
        {recent.length === 0 ? (
          <p class="quiet">No calls since it was connected.</p>
        ) : (
          <>
            {!app.isOnly && (
              <p class="quiet small">
                This app is connected on several machines. Calls name the app and not the machine.
              </p>
            )}
            <RecentList calls={recent} />
          </>
        )}
      </section>
      <h2>Disconnect</h2>
      <section class="card">
        <p>
          {name} is refused at its next call
          {app.isOnly ? "" : " from this machine; it stays connected on the others"}. It can be connected
          again.
        </p>
        <form method="post" action="/account/revoke">
          <input type="hidden" name="grant" value={app.grantId} />
          <div class="actions">
            <button type="submit" class="danger">
              Yes, revoke access of {name}
            </button>
            <a class="button" href="/account">
              Keep it
            </a>
          </div>
        </form>
      </section>
    </Page>
  );
}
