import { type CheckedStretch, MOST_RECORDS } from "../../../audit-log/check-stretch.ts";
import { ConsoleFrame, type ConsoleLink, Moment } from "../frame.tsx";
import { TrailViews } from "./calls-page.tsx";

/** Findings on the page; most others follow from the first. */
const MOST_FINDINGS = 20;

/** The result of checking a stretch of one chain. */
export function CheckPage({
  checked,
  chain,
  links,
}: {
  checked: CheckedStretch;
  chain: string;
  links: readonly ConsoleLink[];
}) {
  const { findings, first, last, records, emptied, unsigned, signedUntil, keyIds } = checked;
  return (
    <ConsoleFrame
      title="Check of a chain"
      links={links}
      here="/console/trail"
      aside={<TrailViews here={null} />}
    >
      {records === 0 ? (
        <p class="notice caution">No record of this chain is stored here.</p>
      ) : (
        <p class={`notice ${findings.length === 0 ? "good" : "danger"}`} role="status">
          {findings.length === 0
            ? `Whole: ${records} records, from ${first} to ${last}. Each has its hash, its event and the record before it.`
            : `Not whole: ${findings.length} findings in the records from ${first} to ${last}.`}
        </p>
      )}
      <section class="card">
        <dl class="facts">
          <dt>Chain</dt>
          <dd>
            <code>{chain}</code>
          </dd>
          <dt>Signed</dt>
          <dd>
            {signedUntil === null ? (
              "No checkpoint has signed it yet."
            ) : (
              <>
                until <Moment at={signedUntil} /> with the key <code>{keyIds.join(", ")}</code>
                {unsigned > 0 && `; ${unsigned} newer records are chained and not signed yet`}
              </>
            )}
          </dd>
          <dt>Without event</dt>
          <dd>
            {emptied === 0
              ? "None."
              : `${emptied} records, after their retention or an erasure. The command checks the signed statements about it.`}
          </dd>
        </dl>
        {findings.length > 0 && (
          <ul class="plain">
            {findings.slice(0, MOST_FINDINGS).map(({ kind, about, sequence, text }) => (
              <li>
                <span class="badge caution">{kind}</span> {about} {sequence} {text}
              </li>
            ))}
          </ul>
        )}
        <p class="quiet small">
          This page checks at most {MOST_RECORDS.toLocaleString("en-US")} records of one chain. An export
          checks all of them, without Gatehouse: <code class="whole">npm run -s audit -- export</code>, then{" "}
          <code>verify</code>.
        </p>
      </section>
    </ConsoleFrame>
  );
}
