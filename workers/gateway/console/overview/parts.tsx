import type { Inspection } from "../../health/health.ts";
import { writeDuration, writeNumber } from "../charts/scale.ts";
import type { ConsoleLink } from "../frame.tsx";
import type { Waiting } from "./read-overview.ts";

/** Milliseconds without a checkpoint after which one is missing: they are written every hour. */
const CHECKPOINT_MS = 90 * 60_000;

/** What waits for a person, with the pages that the person's role opens for it. */
export function WaitingCard({ waiting, links }: { waiting: Waiting; links: readonly ConsoleLink[] }) {
  const { approvals, definitions, deadLetters, requests, checkpointAgeMs, countLag } = waiting;
  const missing = checkpointAgeMs !== null && checkpointAgeMs > CHECKPOINT_MS;
  const lines: readonly (readonly [title: string, text: string, isUrgent: boolean, href: string | null])[] = [
    ["Approvals that wait", writeNumber(approvals), approvals > 0, "/console/approvals"],
    ["Definitions that wait for review", writeNumber(definitions), definitions > 0, "/console/connections"],
    ["Records that could not be stored", writeNumber(deadLetters), deadLetters > 0, "/console/dead-letters"],
    ["Commands that the Worker has not carried out", writeNumber(requests), requests > 0, null],
    [
      "Newest checkpoint of the trail",
      checkpointAgeMs === null ? "none yet" : `${writeDuration(checkpointAgeMs)} ago`,
      missing,
      null,
    ],
    ["These figures are behind the trail by", writeDuration(countLag.ms), countLag.ms > 10 * 60_000, null],
  ];
  return (
    <section class="card">
      <table>
        <caption>What waits</caption>
        <tbody>
          {lines.map(([title, text, isUrgent, href]) => (
            <tr>
              <th scope="row">
                {href !== null && links.some((link) => link.href === href) ? (
                  <a href={href}>{title}</a>
                ) : (
                  title
                )}
              </th>
              <td class="number">{isUrgent ? <span class="badge caution">{text}</span> : text}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** Every part that `/ready` looks at, those that fail first. */
export function PartsCard({ parts: { checks, lags, states, filling } }: { parts: Inspection }) {
  const failing = checks.filter(({ ok }) => !ok).length;
  const sorted = [...checks].sort((one, other) => Number(one.ok) - Number(other.ok));
  return (
    <section class="card">
      <h2>
        Parts{" "}
        {failing === 0 ? (
          <span class="badge good">all {checks.length} answer</span>
        ) : (
          <span class="badge caution">
            {failing} of {checks.length} do not answer
          </span>
        )}
      </h2>
      <details open={failing > 0}>
        <summary>Each of them</summary>
        <table>
          <tbody>
            {sorted.map(({ name, ok, ms }) => (
              <tr>
                <th scope="row">
                  <code>{name}</code>
                </th>
                <td class="number">
                  {ok ? (
                    Object.hasOwn(filling, name) ? (
                      <span class="badge caution">filling up</span>
                    ) : (
                      "answers"
                    )
                  ) : (
                    <span class="badge caution">no answer</span>
                  )}
                </td>
                <td class="number">{writeDuration(ms)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
      {states.length > 0 && (
        <table>
          <caption>Connections</caption>
          <tbody>
            {states.map(({ name, title, objects }) => {
              const broken = objects.find(({ breaker }) => breaker !== "closed");
              return (
                <tr>
                  <th scope="row">
                    {title} <code>{name}</code>
                  </th>
                  <td class="number">
                    {broken ? <span class="badge caution">breaker {broken.breaker}</span> : "answers"}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
      {lags.length > 0 && (
        <table>
          <caption>Copies of the trail</caption>
          <tbody>
            {lags.map(({ name, lagMs, failures, refused }) => (
              <tr>
                <th scope="row">
                  <code>{name}</code>
                </th>
                <td class="number">
                  {writeDuration(lagMs)} behind{" "}
                  {failures > 0 && (
                    <span class="badge caution">
                      failed {failures === 1 ? "once" : `${writeNumber(failures)} times`}
                    </span>
                  )}{" "}
                  {refused > 0 && <span class="badge caution">{writeNumber(refused)} refused</span>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
