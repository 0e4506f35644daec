import { writeDuration } from "../charts/scale.ts";
import { ConsoleFrame, type ConsoleLink, Moment } from "../frame.tsx";
import { TrailViews } from "./calls-page.tsx";
import { DECISIONS } from "./filter.ts";
import type { FullCall } from "./read-call.ts";
import { StatusBadge } from "./status-badge.tsx";

/** One call in full. Its arguments are names and types: the trail has no value. */
export function CallPage({ full, links }: { full: FullCall; links: readonly ConsoleLink[] }) {
  const { call, details, hash, person, app } = full;
  return (
    <ConsoleFrame title={call.name} links={links} here="/console/trail" aside={<TrailViews here={null} />}>
      <section class="card">
        <p>
          <StatusBadge status={call.status} error={call.error} />
        </p>
        <dl class="facts">
          <dt>When</dt>
          <dd>
            <Moment at={call.at} />
            {call.durationMs !== null && ` · took ${writeDuration(call.durationMs)}`}
          </dd>
          <dt>Person</dt>
          <dd>
            <a href={`/console/trail?${new URLSearchParams({ person: call.chain })}`}>{person}</a>{" "}
            <code class="small">{call.chain}</code>
          </dd>
          <dt>App</dt>
          <dd>
            <a href={`/console/trail?${new URLSearchParams({ app: call.clientId })}`}>{app}</a>{" "}
            <code class="small">{call.clientId}</code>
          </dd>
          <dt>What</dt>
          <dd>
            {call.kind} <code>{call.name}</code> of the server <code>{call.server}</code>
          </dd>
          <dt>Decision</dt>
          <dd>{DECISIONS[call.decision as keyof typeof DECISIONS] ?? call.decision}</dd>
          <dt>By the rule</dt>
          <dd>
            <code>{call.rule}</code>
            {details && ` of the policy ${details.policy}`}
            {full.ruleText !== null && <pre>{full.ruleText}</pre>}
          </dd>
          {details && <Origin details={details} />}
          <dt>Trace</dt>
          <dd>
            <a href={`/console/trail?${new URLSearchParams({ trace: call.traceId })}`}>
              <code>{call.traceId}</code>
            </a>
          </dd>
          <dt>Record</dt>
          <dd>
            <a
              href={`/console/trail/records?${new URLSearchParams({ chain: call.chain, before: String(call.sequence + 1) })}`}
            >
              {call.sequence} of its chain
            </a>{" "}
            · <code class="small">{hash}</code> ·{" "}
            <a
              href={`/console/trail/check?${new URLSearchParams({ chain: call.chain, through: String(call.sequence) })}`}
            >
              check the chain up to here
            </a>
          </dd>
        </dl>
        <Arguments details={details} />
      </section>
      {full.approval && <Approval approval={full.approval} />}
      <h2>Calls around it, of the same person and session</h2>
      <section class="card">
        <ul class="plain">
          {full.neighbours.map(({ call: other, sameSession }) => (
            <li>
              <a href={`/console/trail/calls/${other.at}.${other.id}`}>{other.name}</a>{" "}
              <StatusBadge status={other.status} error={other.error} />
              <p class="quiet small">
                <Moment at={other.at} />
                {sameSession && " · in the same session"}
                {other.traceId === call.traceId && " · in the same trace"}
                {other.clientId === call.clientId ? " · same app" : " · another app"}
              </p>
            </li>
          ))}
          {full.neighbours.length === 0 && <li>It is the only one.</li>}
        </ul>
      </section>
    </ConsoleFrame>
  );
}

function Origin({
  details: { ip, country, sessionId, lane },
}: {
  details: NonNullable<FullCall["details"]>;
}) {
  return (
    <>
      <dt>From</dt>
      <dd>
        {ip ?? "an unknown address"}
        {country !== null && ` · ${country}`}
      </dd>
      <dt>Session</dt>
      <dd>{sessionId === null ? `none (${lane})` : <code class="small">{sessionId}</code>}</dd>
    </>
  );
}

function Arguments({ details }: { details: FullCall["details"] }) {
  if (details === null) return <p class="quiet">The details of this call were removed.</p>;
  const known = Object.entries(details.arguments);
  return (
    <>
      <h2>Arguments</h2>
      {known.length === 0 ? (
        <p>None that the tool knows.</p>
      ) : (
        <ul class="grants">
          {known.map(([name, type]) => (
            <li>
              <code>{name}</code> <span class="quiet">{type}</span>
            </li>
          ))}
        </ul>
      )}
      {details.unknownArguments > 0 && <p>{details.unknownArguments} more that it does not know.</p>}
      <p class="quiet small">
        Values are never recorded. Digest of them all: <code>{details.argumentsDigest}</code>
      </p>
    </>
  );
}

function Approval({ approval }: { approval: NonNullable<FullCall["approval"]> }) {
  return (
    <>
      <h2>Its approval</h2>
      <section class="card">
        <ul class="plain">
          {approval.steps.map(({ at, type, by }) => (
            <li>
              {type.replace("approval_", "").replace(/^./, (first) => first.toUpperCase())}
              {by !== null && ` by ${by}`}{" "}
              <span class="quiet small">
                <Moment at={at} />
              </span>
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}
