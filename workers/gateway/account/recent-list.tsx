import type { ListedCall } from "../console/trail/find-calls.ts";
import { StatusBadge } from "../console/trail/status-badge.tsx";

/** What an app or key did lately, newest first. */
export function RecentList({ calls }: { calls: readonly ListedCall[] }) {
  return (
    <ul class="grants">
      {calls.map(({ at, name, status, error, decision }) => (
        <li>
          <code>{name}</code> <StatusBadge status={decision === "allow" ? status : "denied"} error={error} />{" "}
          <span class="quiet small">
            <time dateTime={new Date(at).toISOString()}>
              {new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC
            </time>
          </span>
        </li>
      ))}
    </ul>
  );
}
