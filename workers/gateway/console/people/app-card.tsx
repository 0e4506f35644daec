import { toDisplayText } from "../../../../shared/text/display-text.ts";
import { Time } from "../../account/app-list.tsx";
import type { AppPageOf, ConnectedApp } from "../../account/connected-apps.ts";

interface AppCardProps {
  list: AppPageOf;
  /** Address of the person's page. */
  here: string;
  /** Id of the person who looks: a form counts for this person only. */
  subject: string;
}

/** The apps that a person connected, each with its end. */
export function AppCard({ list: { apps, page, pages, total }, here, subject }: AppCardProps) {
  return (
    <>
      <h2>Connected apps</h2>
      <section class="card">
        {total === 0 ? (
          <p>This person has connected no app.</p>
        ) : (
          <ul class="plain">
            {apps.map((app) => (
              <App app={app} here={here} subject={subject} />
            ))}
          </ul>
        )}
        {page < pages && (
          <p>
            <a href={`${here}?page=${page + 1}`}>Older apps</a>
          </p>
        )}
      </section>
    </>
  );
}

function App({
  app: { grantId, clientId, name, covers, since, lastUsed },
  here,
  subject,
}: Omit<AppCardProps, "list"> & { app: ConnectedApp }) {
  return (
    <li>
      <h3>{toDisplayText(name, 80)}</h3>
      <p class="quiet small">
        {covers} · since <Time date={since} /> ·{" "}
        {lastUsed === null ? (
          "not used yet"
        ) : (
          <>
            last used <Time date={lastUsed} />
          </>
        )}{" "}
        · <code>{toDisplayText(clientId, 120)}</code>
      </p>
      <details>
        <summary>Disconnect</summary>
        <form method="post" action={here}>
          <input type="hidden" name="subject" value={subject} />
          <input type="hidden" name="change" value="app" />
          <input type="hidden" name="grant" value={grantId} />
          <p class="quiet">Its next call is refused. The person can connect it again.</p>
          <button type="submit" class="danger">
            Yes, disconnect {toDisplayText(name, 80)}
          </button>
        </form>
      </details>
    </li>
  );
}
