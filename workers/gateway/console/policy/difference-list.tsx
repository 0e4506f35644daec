import type { Difference } from "../../../../shared/policy/changes/diff.ts";

/** Most changes of one role that are shown at once; the rest opens. */
const AT_ONCE = 40;

/** What changes, the role of the person who looks first. Each line says by its sign and its colour what it is. */
export function DifferenceList({
  differences,
  own,
}: {
  differences: readonly Difference[];
  own: { role: string; gains: readonly string[] };
}) {
  if (differences.length === 0) {
    return <p>No role can do more or less; at most descriptions, messages or names differ.</p>;
  }
  const isOwn = ({ role }: Difference) => role === own.role;
  const sorted = [...differences.filter(isOwn), ...differences.filter((one) => !isOwn(one))];
  return (
    <>
      {own.gains.length > 0 && (
        <p class="notice caution">
          <strong>It changes what you may do yourself:</strong> your role {own.role} gains or changes{" "}
          {own.gains.length === 1 ? "one thing" : `${own.gains.length} things`}.
        </p>
      )}
      {sorted.map((one) => (
        <div class="difference">
          <h3>
            {one.role ?? "Everyone"} {isOwn(one) && <span class="badge caution">your role</span>}
          </h3>
          <Changes changes={one.changes.slice(0, AT_ONCE)} />
          {one.changes.length > AT_ONCE && (
            <details>
              <summary>{`${one.changes.length - AT_ONCE} more`}</summary>
              <Changes changes={one.changes.slice(AT_ONCE)} />
            </details>
          )}
        </div>
      ))}
    </>
  );
}

function Changes({ changes }: { changes: readonly string[] }) {
  return (
    <ul class="changes">
      {changes.map((change) => (
        <li class={change.startsWith("+") ? "more" : change.startsWith("-") ? "less" : undefined}>
          {change}
        </li>
      ))}
    </ul>
  );
}
