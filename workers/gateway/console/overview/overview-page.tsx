import { findQuantile } from "../../../audit-log/figures/read-figures.ts";
import { Columns } from "../charts/columns.tsx";
import { Lines } from "../charts/lines.tsx";
import { writeDuration, writeNumber, writeShare } from "../charts/scale.ts";
import { ConsoleFrame, type ConsoleLink } from "../frame.tsx";
import { MemberTable } from "./member-table.tsx";
import { PartsCard, WaitingCard } from "./parts.tsx";
import type { Overview } from "./read-overview.ts";
import { SPAN_NAMES } from "./spans.ts";

/** The endings on the chart, from the bottom up. */
const LEGEND = [
  { name: "Done", tone: "ok", of: ["ok"] },
  { name: "Failed", tone: "failed", of: ["failed"] },
  { name: "Denied", tone: "denied", of: ["denied"] },
  { name: "Over a limit", tone: "limited", of: ["limited"] },
  { name: "Asked, or not known", tone: "waiting", of: ["waiting", "unknown"] },
] as const;

const QUANTILES = [
  { name: "Median", tone: "p50", share: 0.5 },
  { name: "95th percentile", tone: "p95", share: 0.95 },
  { name: "99th percentile", tone: "p99", share: 0.99 },
] as const;

/** Whether the trail is open to the person, so that figures may lead there. */
interface OverviewPageProps {
  overview: Overview;
  links: readonly ConsoleLink[];
  showsTrail: boolean;
}

/** Calls, how they end, how long they take and by whom; the state of every part, and what waits for a person. */
export function OverviewPage({ overview, links, showsTrail }: OverviewPageProps) {
  const { span, series, members, reasons } = overview;
  const ofKind = (kind: string) => reasons.filter((reason) => reason.kind === kind).slice(0, 8);
  return (
    <ConsoleFrame
      title="Overview"
      links={links}
      here="/console/overview"
      aside={
        <ul class="switch" aria-label="Span of time">
          {SPAN_NAMES.map(({ name, title }) => (
            <li>
              <a
                href={`/console/overview?span=${name}`}
                aria-current={name === span.name ? "true" : undefined}
              >
                {title}
              </a>
            </li>
          ))}
        </ul>
      }
    >
      <Tiles overview={overview} />
      <div class="columns">
        <section class="card">
          <Columns
            title={`Calls per ${span.column}`}
            legend={LEGEND}
            columns={series.map(({ label, counts }) => ({
              label,
              parts: LEGEND.map(({ of }) => of.reduce((sum, ending) => sum + counts[ending], 0)),
            }))}
          />
        </section>
        <section class="card">
          <Lines
            title={`Time of calls per ${span.column}`}
            labels={series.map(({ label }) => label)}
            lines={QUANTILES.map(({ name, tone, share }) => ({
              name,
              tone,
              values: series.map(({ counts }) => findQuantile(counts, share)),
            }))}
          />
        </section>
      </div>
      <div class="columns">
        <WaitingCard waiting={overview.waiting} links={links} />
        <PartsCard parts={overview.parts} />
      </div>
      <div class="columns">
        <MemberTable
          title="Tools, resources and prompts"
          members={members.operation}
          filter={showsTrail ? "name" : null}
        />
        <MemberTable title="Servers" members={members.server} filter={null} />
        <MemberTable title="People" members={members.person} filter={showsTrail ? "person" : null} />
        <MemberTable title="Apps" members={members.app} filter={showsTrail ? "app" : null} />
      </div>
      <div class="columns narrow">
        <Reasons title="Why calls were denied" reasons={ofKind("denial")} />
        <Reasons title="By which rule" reasons={ofKind("rule")} />
        <Reasons title="How calls failed" reasons={ofKind("error")} />
        <Reasons title="Approvals" reasons={ofKind("approval")} />
        <Reasons title="Sign-ins" reasons={ofKind("sign_in")} />
      </div>
    </ConsoleFrame>
  );
}

function Tiles({ overview: { span, sum, sumEarlier } }: { overview: Overview }) {
  const quantile = (share: number) => [
    writeDuration(findQuantile(sum, share)),
    writeDuration(findQuantile(sumEarlier, share)),
  ];
  const tiles: readonly (readonly string[])[] = [
    ["Calls", writeNumber(sum.calls), writeNumber(sumEarlier.calls)],
    ["Failed", writeShare(sum.failed, sum.calls), writeShare(sumEarlier.failed, sumEarlier.calls)],
    ["Denied", writeNumber(sum.denied), writeNumber(sumEarlier.denied)],
    ["Over a limit", writeNumber(sum.limited), writeNumber(sumEarlier.limited)],
    ["Median time", ...quantile(0.5)],
    ["95th percentile", ...quantile(0.95)],
    ["99th percentile", ...quantile(0.99)],
  ];
  return (
    <>
      <p class="quiet small">Before: {span.before}, up to the same hour. Times are in UTC.</p>
      <ul class="tiles">
        {tiles.map(([title, figure, before]) => (
          <li>
            <span class="quiet small">{title}</span>
            <strong class="figure">{figure}</strong>
            <span class="quiet small">before: {before}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

function Reasons({ title, reasons }: { title: string; reasons: readonly { name: string; count: number }[] }) {
  return (
    <section class="card">
      <table>
        <caption>{title}</caption>
        <tbody>
          {reasons.length === 0 ? (
            <tr>
              <td class="quiet">None in this span.</td>
            </tr>
          ) : (
            reasons.map(({ name, count }) => (
              <tr>
                <th scope="row">
                  <code>{name}</code>
                </th>
                <td class="number">{writeNumber(count)}</td>
              </tr>
            ))
          )}
        </tbody>
      </table>
    </section>
  );
}
