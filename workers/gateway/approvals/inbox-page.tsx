import { Page } from "../../../shared/web/page.tsx";
import type { ListedApproval } from "./list-approvals.ts";
import { STATE_BADGE, STATE_TEXT, toMoment } from "./wording.ts";

/** A request with the address of its page and the tool's title. */
export interface InboxEntry extends ListedApproval {
  href: string;
  title: string;
}

/** One page of a list; `more` is the address of the next. */
export interface InboxList {
  entries: InboxEntry[];
  more: string | null;
}

/**
 * The requests that the viewer may decide, and those of the viewer's own apps. `waiting` is `null` for a
 * viewer who approves nothing.
 */
export function InboxPage({ waiting, own }: { waiting: InboxList | null; own: InboxList }) {
  return (
    <Page title="Approvals" wide corner={<a href="/account">Your account</a>}>
      <h1>Approvals</h1>
      {waiting && (
        <>
          <h2>Waiting for you</h2>
          <section class="card">
            <Entries list={waiting} empty="Nothing waits for your decision." showName />
          </section>
        </>
      )}
      <h2>Asked for by your apps</h2>
      <section class="card">
        <Entries list={own} empty="None of your apps asked for an approval in the last 30 days." />
      </section>
    </Page>
  );
}

function Entries({ list, empty, showName }: { list: InboxList; empty: string; showName?: boolean }) {
  return (
    <>
      {list.entries.length === 0 ? (
        <p>{empty}</p>
      ) : (
        <ul class="plain">
          {list.entries.map((entry) => (
            <li>
              <h3>
                <a href={entry.href}>{entry.title}</a>
              </h3>
              <p class="quiet small">
                {showName ? (
                  entry.requesterName
                ) : (
                  <span class={STATE_BADGE[entry.state]}>{STATE_TEXT[entry.state]}</span>
                )}{" "}
                · <code>{entry.tool}</code> · asked at {toMoment(entry.askedAt)}
                {entry.state === "pending" && <> · ends at {toMoment(entry.expiresAt)}</>}
              </p>
            </li>
          ))}
        </ul>
      )}
      {list.more !== null && (
        <p>
          <a href={list.more}>Older requests</a>
        </p>
      )}
    </>
  );
}
