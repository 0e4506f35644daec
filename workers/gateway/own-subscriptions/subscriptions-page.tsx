import type { SubscriptionSummary } from "../../../shared/objects/event-gate.ts";
import { Page } from "../../../shared/web/page.tsx";

/** What the page shows. */
interface SubscriptionsPageProps {
  subscriptions: readonly SubscriptionSummary[];
  /** Names of apps, by client id. */
  apps: ReadonlyMap<string, string>;
  /** Id of the person who looks: a form counts for this person only. */
  subject: string;
  notice?: { tone: "good" | "danger"; text: string } | undefined;
}

/** What a person's apps are told of, and the end of each. */
export function SubscriptionsPage({ subscriptions, apps, subject, notice }: SubscriptionsPageProps) {
  return (
    <Page title="Your subscriptions" wide corner={<a href="/account">Your account</a>}>
      {notice && (
        <p class={`notice ${notice.tone}`} role={notice.tone === "danger" ? "alert" : "status"}>
          {notice.text}
        </p>
      )}
      <h1>Your subscriptions</h1>
      <section class="card">
        <p>
          Your apps are told of these events, at an address of theirs, as long as your role may see them. Each
          ends by itself within a day unless its app renews it.
        </p>
      </section>
      <section class="card">
        {subscriptions.length === 0 ? (
          <p>None of your apps has a subscription.</p>
        ) : (
          <ul class="plain">
            {subscriptions.map((one) => (
              <li>
                <h3>
                  <code>{one.name}</code> <State of={one} />
                </h3>
                <p class="quiet small">
                  for {apps.get(one.clientId) ?? one.clientId} · to <code>{one.host}</code> · since{" "}
                  {minuteOf(one.since)} · until {minuteOf(one.until)}
                  {one.status.lastDeliveryAt !== null &&
                    ` · last delivery ${minuteOf(one.status.lastDeliveryAt)}`}
                  {one.waiting > 0 && ` · ${one.waiting === 1 ? "one waits" : `${one.waiting} wait`}`}
                </p>
                <form method="post" action="/account/subscriptions">
                  <input type="hidden" name="subject" value={subject} />
                  <input type="hidden" name="subscription" value={one.id} />
                  <button type="submit" class="danger" aria-label={`End ${one.name} to ${one.host}`}>
                    End
                  </button>
                </form>
              </li>
            ))}
          </ul>
        )}
      </section>
    </Page>
  );
}

function State({ of: { status } }: { of: SubscriptionSummary }) {
  if (!status.active) return <span class="badge caution">Stopped: the receiver refuses</span>;
  if (status.failedSince === null) return null;
  return <span class="badge caution">Failing since {minuteOf(status.failedSince)}</span>;
}

function minuteOf(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
