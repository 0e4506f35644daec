import type { OpenedApproval } from "../../approvals/open-approval.ts";
import { ConsoleFrame, type ConsoleLink } from "../frame.tsx";
import { groupRequests } from "./group-requests.ts";

/** One answer and what became of it. */
export interface DecidedRequest {
  opened: OpenedApproval;
  answer: "approve" | "refuse";
  /** Why it does not count; `null` when it does. */
  problem: string | null;
}

/**
 * What was decided, request by request.
 *
 * @param props.place - query of the inbox that the requests were chosen in: the next ones are there, and first those of the same group
 */
export function DecidedPage({
  decided,
  place,
  links,
}: {
  decided: readonly DecidedRequest[];
  place: string;
  links: readonly ConsoleLink[];
}) {
  const [group] = groupRequests(decided.map(({ opened }) => opened));
  const counted = (answer: DecidedRequest["answer"]) =>
    decided.filter((one) => one.answer === answer && one.problem === null).length;
  const problems = decided.filter(({ problem }) => problem !== null);
  return (
    <ConsoleFrame title="Decided" links={links} here="/console/approvals">
      <p class={`notice ${problems.length === 0 ? "good" : "caution"}`} role="status">
        {counted("approve")} approved, {counted("refuse")} refused
        {problems.length > 0 && `, ${problems.length} without effect`}.
      </p>
      {problems.length > 0 && (
        <section class="card">
          <ul class="plain">
            {problems.map(({ opened, problem }) => (
              <li>
                <h3>
                  {opened.tool?.title ?? opened.item.binding.tool}, for{" "}
                  {opened.requester?.name ?? "an ended account"}
                </h3>
                <p>{problem}</p>
              </li>
            ))}
          </ul>
        </section>
      )}
      <p>
        <a
          class="button primary"
          href={`/console/approvals${place}${group === undefined ? "" : `#group-${group.key}`}`}
        >
          Next ones
        </a>
      </p>
    </ConsoleFrame>
  );
}
