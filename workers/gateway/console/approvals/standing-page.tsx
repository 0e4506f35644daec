import type { ArgumentBound } from "../../../../shared/objects/standing-approval.ts";
import type { ListedStanding } from "../../approvals/standing.ts";
import { ConsoleFrame, type ConsoleLink, Moment } from "../frame.tsx";

/** What the list of standing approvals shows. */
interface StandingPageProps {
  listed: readonly ListedStanding[];
  next: string | null;
  /** Query of the inbox that the person comes from. */
  place: string;
  subject: string;
  links: readonly ConsoleLink[];
  notice?: { tone: "good" | "danger"; text: string };
}

/** Standing approvals in force or revoked, until their end. */
export function StandingPage({ listed, next, place, subject, links, notice }: StandingPageProps) {
  return (
    <ConsoleFrame
      title="Standing approvals"
      links={links}
      here="/console/approvals"
      aside={<a href={`/console/approvals${place}`}>Requests that wait</a>}
    >
      {notice && (
        <p class={`notice ${notice.tone}`} role={notice.tone === "good" ? "status" : "alert"}>
          {notice.text}
        </p>
      )}
      <section class="card">
        {listed.length === 0 ? (
          <p>
            None. A rule with <code>standing</code> in the policy lets an approver make one from a request
            that waits.
          </p>
        ) : (
          <ul class="plain">
            {listed.map((one) => (
              <Standing listed={one} subject={subject} />
            ))}
          </ul>
        )}
        {next !== null && (
          <p>
            <a href={`/console/approvals/standing?${new URLSearchParams({ after: next, from: place })}`}>
              More standing approvals
            </a>
          </p>
        )}
      </section>
    </ConsoleFrame>
  );
}

function Standing({
  listed: { standing, requesterName, approverName },
  subject,
}: {
  listed: ListedStanding;
  subject: string;
}) {
  const { id, tool, calls, used, until, madeAt, rule, bounds, revokedAt } = standing;
  return (
    <li>
      <h3>
        <code>{tool}</code> for {requesterName}{" "}
        {revokedAt !== null ? (
          <span class="badge">Revoked</span>
        ) : used >= calls ? (
          <span class="badge">Used up</span>
        ) : (
          <span class="badge good">In force</span>
        )}
      </h3>
      <p>
        {used} of {calls} calls, until <Moment at={until} />
      </p>
      <ul class="grants">
        {Object.entries(bounds).map(([name, bound]) => (
          <li>
            <code>{name}</code> {describeBound(bound)}
          </li>
        ))}
        {Object.keys(bounds).length === 0 && <li>without arguments</li>}
      </ul>
      <p class="quiet small">
        Made by {approverName} <Moment at={madeAt} /> · <code>{rule}</code>
      </p>
      {revokedAt === null && (
        <form method="post" action="/console/approvals/standing/revoke">
          <input type="hidden" name="subject" value={subject} />
          <input type="hidden" name="standing" value={id} />
          <button type="submit" class="danger">
            Revoke
          </button>
        </form>
      )}
    </li>
  );
}

function describeBound(bound: ArgumentBound): string {
  if (bound.kind === "range") return `is a number from ${bound.least} to ${bound.most}`;
  return bound.kind === "any" ? "is anything, or left out" : "is the same as in the call that was looked at";
}
