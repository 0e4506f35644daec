import { writeDuration } from "../charts/scale.ts";
import { Breakable, ConsoleFrame, type ConsoleLink, Moment } from "../frame.tsx";
import type { Names } from "../names.ts";
import { type CallFilter, type CallPlace, DECISIONS, STATUSES, writeFilter, writeTime } from "./filter.ts";
import { type CallList, type ListedCall, LOOKED_THROUGH } from "./find-calls.ts";
import { StatusBadge } from "./status-badge.tsx";

/** What the list of calls shows. */
interface CallsPageProps {
  filter: CallFilter;
  list: CallList;
  people: Names;
  apps: Names;
  links: readonly ConsoleLink[];
}

/** The calls of the trail, newest first, with a form to search them. */
export function CallsPage({ filter, list, people, apps, links }: CallsPageProps) {
  const query = writeFilter(filter);
  return (
    <ConsoleFrame title="Audit trail" links={links} here="/console/trail" aside={<TrailViews here="calls" />}>
      <section class="card">
        <FilterForm filter={filter} people={people} />
      </section>
      <section class="card">
        {list.calls.length === 0 && !list.isPartial && <p>No call of the trail fits this.</p>}
        {list.calls.length > 0 && <CallTable calls={list.calls} people={people} apps={apps} />}
        {list.isPartial && (
          <p class="quiet">
            Looked through {LOOKED_THROUGH.toLocaleString("en-US")} calls, back to{" "}
            {list.next && <Moment at={list.next.at} />}. Older ones may fit too.
          </p>
        )}
        {list.next !== null && (
          <p>
            <a href={`/console/trail?${withPlace(query, list.next)}`}>Older calls</a>
          </p>
        )}
      </section>
      <section class="card">
        <h2>Export</h2>
        <p>
          <a href={`/console/trail/export/calls?${query}`}>These calls</a> as JSON lines: at most 50,000,
          newest first.
        </p>
        <p>
          <a href={`/console/trail/export/records?${query}`}>The records behind them</a>: whole chains with
          their checkpoints, which <code class="whole">npm run audit -- verify</code> checks without
          Gatehouse. Of the filter, person and time count.
        </p>
        {filter.person !== "" && (
          <p>
            <a href={`/console/trail/check?${new URLSearchParams({ chain: filter.person })}`}>
              Check this person's chain here
            </a>
          </p>
        )}
      </section>
    </ConsoleFrame>
  );
}

/** The two views of the trail. */
export function TrailViews({ here }: { here: "calls" | "records" | null }) {
  return (
    <ul class="switch" aria-label="View">
      <li>
        <a href="/console/trail" aria-current={here === "calls" ? "true" : undefined}>
          Calls
        </a>
      </li>
      <li>
        <a href="/console/trail/records" aria-current={here === "records" ? "true" : undefined}>
          All records
        </a>
      </li>
    </ul>
  );
}

/** Calls as a table; each leads to its page. */
function CallTable({ calls, people, apps }: { calls: readonly ListedCall[]; people: Names; apps: Names }) {
  return (
    <div class="scroll">
      <table class="stack">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Call</th>
            <th scope="col">Person</th>
            <th scope="col" class="optional">
              App
            </th>
            <th scope="col">Result</th>
            <th scope="col" class="number optional">
              Took
            </th>
          </tr>
        </thead>
        <tbody>
          {calls.map((call) => (
            <tr>
              <td class="small">
                <time dateTime={new Date(call.at).toISOString()}>
                  {new Date(call.at).toISOString().slice(0, 10)} <wbr />
                  {new Date(call.at).toISOString().slice(11, 19)}
                </time>
              </td>
              <th scope="row">
                <a href={`/console/trail/calls/${call.at}.${call.id}`}>
                  <Breakable name={call.name} />
                </a>
              </th>
              <td>
                <a href={`/console/trail?${new URLSearchParams({ person: call.chain })}`}>
                  {people.get(call.chain) ?? call.chain}
                </a>
              </td>
              <td class="optional">
                <a href={`/console/trail?${new URLSearchParams({ app: call.clientId })}`}>
                  {apps.get(call.clientId) ?? call.clientId}
                </a>
              </td>
              <td>
                <StatusBadge status={call.status} error={call.error} />
              </td>
              <td class="number optional">{writeDuration(call.durationMs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function FilterForm({ filter, people }: { filter: CallFilter; people: Names }) {
  const { person, app, name, decision, status, trace, from, to } = filter;
  return (
    <form method="get" action="/console/trail" class="filters">
      <Text label="Person (e-mail address or id)" name="person" value={person} hint={people.get(person)} />
      <Text label="App (client id)" name="app" value={app} />
      <Text label="Tool, resource or prompt" name="name" value={name} />
      <Choice label="Decision" name="decision" value={decision} choices={DECISIONS} />
      <Choice label="Result" name="status" value={status} choices={STATUSES} />
      <Text label="Trace id" name="trace" value={trace} />
      <label class="field">
        From (UTC)
        <input type="datetime-local" name="from" value={from === null ? "" : writeTime(from)} />
      </label>
      <label class="field">
        To, excluded (UTC)
        <input type="datetime-local" name="to" value={to === null ? "" : writeTime(to)} />
      </label>
      <div class="actions">
        <button type="submit" class="primary">
          Search
        </button>
        <a class="button" href="/console/trail">
          Everything
        </a>
      </div>
    </form>
  );
}

function Text({
  label,
  name,
  value,
  hint,
}: {
  label: string;
  name: string;
  value: string;
  hint?: string | undefined;
}) {
  return (
    <label class="field">
      {label}
      <input type="text" name={name} value={value} maxlength={254} autocomplete="off" spellcheck={false} />
      {hint !== undefined && <span class="quiet small">{hint}</span>}
    </label>
  );
}

/** A list to choose one of, or any. */
function Choice({
  label,
  name,
  value,
  choices,
}: {
  label: string;
  name: string;
  value: string;
  choices: Readonly<Record<string, string>>;
}) {
  return (
    <label class="field">
      {label}
      <select name={name}>
        <option value="">Any</option>
        {Object.entries(choices).map(([choice, text]) => (
          <option value={choice} selected={choice === value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

function withPlace(query: URLSearchParams, { at, id }: CallPlace): URLSearchParams {
  const next = new URLSearchParams(query);
  next.set("after", `${at}.${id}`);
  return next;
}
