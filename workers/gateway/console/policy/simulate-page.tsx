import type { ChangedCalls } from "../../../../shared/policy/changes/replay.ts";
import { Breakable, ConsoleFrame, type ConsoleLink, Moment } from "../frame.tsx";
import type { Names } from "../names.ts";

/** Calls shown of each change. */
const EXAMPLES = 3;

/** Changes shown on the page. */
const MOST_GROUPS = 200;

const NOTES: Readonly<Record<string, string>> = {
  undecidable: "The draft looks at arguments or the second factor, and these are not recorded.",
  unknown: "This release has nothing of that name.",
};

/** What a replay of recorded calls found. */
interface Result {
  /** Calls that were judged. */
  calls: number;
  groups: readonly ChangedCalls[];
  people: Names;
  days: number;
  /** Records that are replayed at most. */
  mostRecords: number;
}

/** What a draft would have decided otherwise in recorded calls. */
export function SimulatePage({
  draft,
  result,
  links,
}: {
  draft: string;
  result: Result;
  links: readonly ConsoleLink[];
}) {
  const { calls, groups, people, days, mostRecords } = result;
  const here = `/console/policy/drafts/${draft}`;
  const changed = groups.reduce((sum, { members }) => sum + members.length, 0);
  return (
    <ConsoleFrame
      title="What the draft would have changed"
      links={links}
      here="/console/policy"
      aside={<a href={here}>The draft</a>}
    >
      <section class="card bar">
        <p role="status">
          {`${calls === 1 ? "One call" : `${calls.toLocaleString("en-US")} calls`} of ${days === 1 ? "a day" : `${days} days`}: ${changed === 0 ? "nothing" : changed.toLocaleString("en-US")} would be decided otherwise.`}
        </p>
        <form method="get" action={`${here}/simulate`}>
          <label class="field">
            Days
            <input type="number" name="days" value={String(days)} min={1} max={30} />
          </label>
          <button type="submit">Again</button>
        </form>
      </section>
      <p class="quiet small">
        {`At most the newest ${mostRecords.toLocaleString("en-US")} records are replayed. Arguments are not recorded: where a rule reads them, the page says so.`}
      </p>
      {groups.length > 0 && (
        <section class="card">
          <table class="stack">
            <caption>Calls that would be decided otherwise</caption>
            <thead>
              <tr>
                <th scope="col">What</th>
                <th scope="col">Role</th>
                <th scope="col">Was</th>
                <th scope="col">Would be</th>
                <th scope="col" class="number">
                  Calls
                </th>
                <th scope="col">Among them</th>
              </tr>
            </thead>
            <tbody>
              {groups.slice(0, MOST_GROUPS).map(({ role, name, from, to, members }) => (
                <tr>
                  <th scope="row">
                    <Breakable name={name} />
                  </th>
                  <td data-label="Role">{role || "unknown"}</td>
                  <td data-label="Was">{from}</td>
                  <td data-label="Would be">
                    <strong>{to}</strong>
                    {NOTES[to] !== undefined && <p class="quiet small">{NOTES[to]}</p>}
                  </td>
                  <td class="number" data-label="Calls">
                    {members.length.toLocaleString("en-US")}
                  </td>
                  <td>
                    {members.slice(0, EXAMPLES).map(({ call, rule }) => (
                      <p class="small">
                        <a href={`/console/trail/calls/${encodeURIComponent(call.callId)}`}>
                          <Moment at={call.at} />
                        </a>{" "}
                        {people.get(call.userId) ?? call.userId} <code>{rule}</code>
                      </p>
                    ))}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </ConsoleFrame>
  );
}
