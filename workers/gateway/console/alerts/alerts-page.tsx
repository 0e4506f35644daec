import type { AlertRules } from "../../../../shared/policy/alerts.ts";
import { toDisplayText } from "../../../../shared/text/display-text.ts";
import type { StoredAlert } from "../../alerts/run-alerts.ts";
import { SILENCE_REASON_LENGTH, type Silence } from "../../alerts/silences.ts";
import { ConsoleFrame, type ConsoleLink, Moment } from "../frame.tsx";
import type { Names } from "../names.ts";
import type { Notice } from "../people/people-page.tsx";
import { memberOf } from "./subjects.ts";

/** For how many hours an alert may be silenced. */
export const SILENCE_HOURS = [1, 4, 24, 168] as const;

/** What the page shows. */
interface AlertsPageProps {
  alerts: readonly StoredAlert[];
  silences: readonly Silence[];
  /** Of people, apps and keys. */
  names: Names;
  /** Names of the configured targets. */
  targets: readonly string[];
  rules: AlertRules;
  subject: string;
  links: readonly ConsoleLink[];
  notice?: Notice;
}

/** Alerts that last, those that are over, silences, and the thresholds of the policy. */
export function AlertsPage(props: AlertsPageProps) {
  const { alerts, silences, targets, rules, subject, links, notice } = props;
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
            {alerts.map((alert) => (
              <AlertItem alert={alert} {...props} />
            ))}
          </ul>
        )}
      </section>
      {silences.length > 0 && <Silences {...props} />}
      <div class="columns">
        <section class="card">
          <h2>Who is told</h2>
          <p>
            {targets.length === 0
              ? "No target is configured: set the secrets of a webhook, Slack, Teams, PagerDuty or e-mail (ALERT_…)."
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

function AlertItem({ alert, silences, names, subject }: AlertsPageProps & { alert: StoredAlert }) {
  const { id, kind, text, begunAt, resolvedAt } = alert;
  const lasts = resolvedAt === null;
  const silenced = silences.some(
    (one) => one.kind === kind && (one.subject === null || one.subject === alert.subject),
  );
  return (
    <li>
      <h3>
        {kind.replaceAll("_", " ")}{" "}
        {lasts ? <span class="badge caution">Lasts</span> : <span class="badge">Over</span>}
        {lasts && silenced && (
          <>
            {" "}
            <span class="badge">Silenced</span>
          </>
        )}
      </h3>
      <p>
        {text} <Subject about={alert} names={names} />
      </p>
      <p class="quiet small">
        since <Moment at={begunAt} />
        {resolvedAt !== null && (
          <>
            {" "}
            until <Moment at={resolvedAt} />
          </>
        )}
      </p>
      {lasts && !silenced && (
        <details>
          <summary>Silence</summary>
          <form method="post" action="/console/alerts/silence">
            <input type="hidden" name="subject" value={subject} />
            <input type="hidden" name="alert" value={String(id)} />
            <div class="filters">
              <label class="field broad">
                Why
                <input
                  type="text"
                  name="reason"
                  required
                  maxlength={SILENCE_REASON_LENGTH}
                  autocomplete="off"
                />
              </label>
              <label class="field">
                For
                <select name="hours">
                  {SILENCE_HOURS.map((hours) => (
                    <option value={String(hours)}>{nameHours(hours)}</option>
                  ))}
                </select>
              </label>
              <label class="field">
                What
                <select name="scope">
                  <option value="one">this alert</option>
                  <option value="kind">{`every «${kind.replaceAll("_", " ")}»`}</option>
                </select>
              </label>
              <div class="actions">
                <button type="submit">Silence</button>
              </div>
            </div>
          </form>
        </details>
      )}
    </li>
  );
}

function Silences({ silences, names, subject }: AlertsPageProps) {
  return (
    <section class="card">
      <h2>Silences</h2>
      <ul class="plain">
        {silences.map((silence) => (
          <li>
            <h3>
              {silence.kind.replaceAll("_", " ")}
              {silence.subject === null ? ", every one" : ""}
            </h3>
            <p>
              {toDisplayText(silence.reason, SILENCE_REASON_LENGTH)} <Subject about={silence} names={names} />
            </p>
            <p class="quiet small">
              by {names.get(silence.by) ?? silence.by}, until <Moment at={silence.until} />
            </p>
            <form method="post" action="/console/alerts/silence/end">
              <input type="hidden" name="subject" value={subject} />
              <input type="hidden" name="silence" value={String(silence.id)} />
              <button type="submit" class="link">
                End the silence
              </button>
            </form>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Who or what an alert is about. Its calls are found by the same person or app. */
function Subject({ about, names }: { about: { kind: string; subject: string | null }; names: Names }) {
  const member = memberOf(about);
  if (member === null) return about.subject ? <code>{about.subject}</code> : null;
  const name = names.get(member.id) ?? member.id;
  return <a href={`/console/trail?${new URLSearchParams({ [member.of]: member.id })}`}>{name}</a>;
}

function nameHours(hours: number): string {
  if (hours === 1) return "an hour";
  if (hours === 24) return "a day";
  return hours === 168 ? "a week" : `${hours} hours`;
}
