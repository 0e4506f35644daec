import type { AlertRules } from "../../../../shared/policy/alerts.ts";
import type { StoredAlert } from "../../alerts/run-alerts.ts";
import { ConsoleFrame, type ConsoleLink, Moment } from "../frame.tsx";

/** What the page shows. */
interface AlertsPageProps {
  alerts: readonly StoredAlert[];
  /** Names of the configured targets. */
  targets: readonly string[];
  rules: AlertRules;
  subject: string;
  links: readonly ConsoleLink[];
  notice?: { tone: "good" | "danger"; text: string };
}

/** Alerts that last, those that are over, and the thresholds of the policy. */
export function AlertsPage({ alerts, targets, rules, subject, links, notice }: AlertsPageProps) {
  return (
    <ConsoleFrame title="Alerts" links={links} here="/console/alerts">
      {notice && (
        <p class={`notice ${notice.tone}`} role={notice.tone === "good" ? "status" : "alert"}>
          {notice.text}
        </p>
      )}
      <section class="card">
        {alerts.length === 0 ? (
          <p>Nothing is wrong by the thresholds below, and nothing was within 30 days.</p>
        ) : (
          <ul class="plain">
            {alerts.map(({ kind, text, begunAt, resolvedAt }) => (
              <li>
                <h3>
                  {kind.replaceAll("_", " ")}{" "}
                  {resolvedAt === null ? (
                    <span class="badge caution">Lasts</span>
                  ) : (
                    <span class="badge">Over</span>
                  )}
                </h3>
                <p>{text}</p>
                <p class="quiet small">
                  since <Moment at={begunAt} />
                  {resolvedAt !== null && (
                    <>
                      {" "}
                      until <Moment at={resolvedAt} />
                    </>
                  )}
                </p>
              </li>
            ))}
          </ul>
        )}
      </section>
      <div class="columns">
        <section class="card">
          <h2>Who is told</h2>
          <p>
            {targets.length === 0
              ? "No target is configured: set the secrets ALERT_WEBHOOK_URL and ALERT_WEBHOOK_SECRET, or ALERT_SLACK_URL."
              : targets.join(", ")}
          </p>
          <form method="post" action="/console/alerts/test">
            <input type="hidden" name="subject" value={subject} />
            <button type="submit">Send a test</button>
          </form>
        </section>
        <section class="card">
          <table>
            <caption>Thresholds of the policy</caption>
            <tbody>
              {Object.entries(rules).map(([name, value]) => (
                <tr>
                  <th scope="row">
                    <code>{name}</code>
                  </th>
                  <td class="number">{value}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      </div>
    </ConsoleFrame>
  );
}
