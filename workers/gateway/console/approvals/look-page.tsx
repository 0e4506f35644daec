import { REASON_LENGTH } from "../../approvals/approval-page.tsx";
import { ArgumentList } from "../../approvals/argument-list.tsx";
import type { OpenedApproval } from "../../approvals/open-approval.ts";
import { PreviewList } from "../../approvals/preview-list.tsx";
import { pathToFactor } from "../../second-factor/requirement.ts";
import { ConsoleFrame, type ConsoleLink } from "../frame.tsx";
import { StandingForm } from "./standing-form.tsx";

/** The answers to one request. */
const ANSWERS = { approve: "Approve this one call", refuse: "Refuse", leave: "Leave it waiting" } as const;

/** What the look shows. */
interface LookPageProps {
  opened: readonly OpenedApproval[];
  /** The answer that is chosen for each unless the person changes it. */
  choice: "approve" | "refuse";
  /** Query of the inbox that the requests were chosen in. */
  place: string;
  subject: string;
  links: readonly ConsoleLink[];
}

/** Each chosen request in full, with its own answer; nothing is decided before this page is sent. */
export function LookPage({ opened, choice, place, subject, links }: LookPageProps) {
  const needsCode = opened.some(({ powers }) => powers === "code_first" || powers === "set_up_first");
  return (
    <ConsoleFrame
      title={opened.length === 1 ? "Look at one call" : `Look at ${opened.length} calls`}
      links={links}
      here="/console/approvals"
    >
      {needsCode && (
        <p class="notice">
          Approving asks for your second factor.{" "}
          <a
            href={pathToFactor(
              opened.some(({ powers }) => powers === "set_up_first") ? "set_up" : "code",
              `/console/approvals${place}`,
            )}
          >
            Give it first
          </a>
          , then choose the requests again.
        </p>
      )}
      <form method="post" action={`/console/approvals/decide${place}`}>
        <input type="hidden" name="subject" value={subject} />
        {opened.map((request, index) => (
          <Request request={request} index={index} choice={choice} />
        ))}
        <section class="card">
          <label class="field">
            Reason for those that you refuse (optional)
            <textarea name="reason" rows={2} maxlength={REASON_LENGTH} />
          </label>
          <div class="actions">
            <button type="submit" class="primary">
              Decide
            </button>
            <a class="button" href={`/console/approvals${place}`}>
              Back, nothing is decided
            </a>
          </div>
        </section>
      </form>
      {opened.length === 1 && opened[0] && (
        <StandingForm opened={opened[0]} place={place} subject={subject} />
      )}
    </ConsoleFrame>
  );
}

function Request({
  request: { item, tool, requester, preview, values, obstacle },
  index,
  choice,
}: {
  request: OpenedApproval;
  index: number;
  choice: "approve" | "refuse";
}) {
  const open = item.state === "pending";
  return (
    <section class="card">
      <h2>
        {index + 1}. {tool?.title ?? item.binding.tool}, for{" "}
        {requester?.name ?? "a person whose account has ended"}
      </h2>
      {preview.length > 0 && <PreviewList preview={preview} />}
      {values !== null && item.shown ? (
        <details open={preview.length === 0}>
          <summary>Arguments</summary>
          <ArgumentList values={values} shown={item.shown} />
        </details>
      ) : (
        <p class="quiet">The arguments have been deleted, as always some time after the end.</p>
      )}
      {obstacle !== null && open && <p class="notice danger">{obstacle}</p>}
      {open ? (
        <fieldset>
          <legend class="small">Your answer</legend>
          {(Object.keys(ANSWERS) as (keyof typeof ANSWERS)[]).map((answer) => (
            <label class="pick">
              <input
                type="radio"
                name={`answer:${item.approvalId}`}
                value={answer}
                checked={answer === (obstacle !== null && choice === "approve" ? "leave" : choice)}
                disabled={answer === "approve" && obstacle !== null}
              />
              {ANSWERS[answer]}
            </label>
          ))}
        </fieldset>
      ) : (
        <p class="notice">It does not wait any more.</p>
      )}
    </section>
  );
}
