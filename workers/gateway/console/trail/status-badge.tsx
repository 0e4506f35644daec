import { STATUSES } from "./filter.ts";

/** How a call ended, with its error code. */
export function StatusBadge({ status, error }: { status: string | null; error: string | null }) {
  if (status === null) return <span class="badge">No outcome yet</span>;
  const tone = status === "ok" ? "badge good" : status === "waiting" ? "badge" : "badge caution";
  const text = Object.hasOwn(STATUSES, status) ? STATUSES[status as keyof typeof STATUSES] : status;
  return (
    <>
      <span class={tone}>{text}</span>
      {error !== null && (
        <>
          {" "}
          <code class="small">{error}</code>
        </>
      )}
    </>
  );
}
