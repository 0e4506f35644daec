import { ConsoleFrame, type ConsoleLink, Moment } from "../frame.tsx";
import { TrailViews } from "./calls-page.tsx";
import type { ListedRecord } from "./list-records.ts";

/** What the page shows: all chains, or one. */
interface RecordsPageProps {
  records: readonly ListedRecord[];
  next: number | null;
  chain: string | null;
  links: readonly ConsoleLink[];
}

/** Stored records, newest first, each with its event. */
export function RecordsPage({ records, next, chain, links }: RecordsPageProps) {
  return (
    <ConsoleFrame
      title="Audit trail"
      links={links}
      here="/console/trail"
      aside={<TrailViews here="records" />}
    >
      {chain !== null && (
        <p>
          Only the chain <code>{chain}</code>. <a href="/console/trail/records">Show all chains</a>
        </p>
      )}
      <section class="card">
        {records.length === 0 ? (
          <p>No record is stored here.</p>
        ) : (
          <ul class="plain">
            {records.map((record) => (
              <li>
                <h3>{record.type.replaceAll("_", " ")}</h3>
                <p class="quiet small">
                  <Moment at={record.at} /> ·{" "}
                  <a href={`/console/trail/records?${new URLSearchParams({ chain: record.chain })}`}>
                    {record.name ?? record.chain}
                  </a>{" "}
                  · record {record.sequence} of its chain
                </p>
                {record.event === null ? (
                  <p class="quiet small">Its event was removed.</p>
                ) : (
                  <details>
                    <summary>Event</summary>
                    <pre>{indent(record.event)}</pre>
                  </details>
                )}
              </li>
            ))}
          </ul>
        )}
        {next !== null && (
          <p>
            <a
              href={`/console/trail/records?${new URLSearchParams({ ...(chain !== null && { chain }), before: String(next) })}`}
            >
              Older records
            </a>
          </p>
        )}
      </section>
    </ConsoleFrame>
  );
}

function indent(event: string): string {
  return JSON.stringify(JSON.parse(event), null, 2);
}
