import { toDisplayText } from "../../../../shared/text/display-text.ts";
import type { OpenedApproval } from "../../approvals/open-approval.ts";

/** Most characters of one value in a list; the page of the request has it in full. */
const VALUE_LENGTH = 120;
/** Most changes, and most values, of one request in a list. */
const MOST_LINES = 6;

/** What a request would change, in few lines: record, amount, each field before and after; or its arguments. */
export function RequestSummary({ opened }: { opened: OpenedApproval }) {
  const { preview, values, subjects } = opened;
  if (preview.length > 0) {
    return (
      <>
        {preview.slice(0, MOST_LINES).map(({ record, amount, owner, fields }) => (
          <p class="small">
            <strong>{toDisplayText(record.label, VALUE_LENGTH)}</strong>{" "}
            <span class="quiet">{record.type}</span>
            {amount != null && ` · ${amount}`}
            {owner != null && ` · owner ${toDisplayText(owner, 60)}`}
            {fields.map(({ name, from, to }) => (
              <>
                <br />
                <code>{name}</code> <span class="quiet">{shorten(from)}</span> →{" "}
                <strong>{shorten(to)}</strong>
              </>
            ))}
          </p>
        ))}
        {preview.length > MOST_LINES && (
          <p class="quiet small">and {preview.length - MOST_LINES} more records</p>
        )}
      </>
    );
  }
  const entries = Object.entries(values ?? {});
  return (
    <p class="small">
      {subjects.slice(0, MOST_LINES).map(({ type, label }) => (
        <>
          <strong>{toDisplayText(label, VALUE_LENGTH)}</strong> <span class="quiet">{type}</span>
          <br />
        </>
      ))}
      {entries.slice(0, MOST_LINES).map(([name, value], index) => (
        <>
          {index > 0 && <br />}
          <code>{name}</code> {shorten(typeof value === "string" ? value : JSON.stringify(value))}
        </>
      ))}
      {entries.length > MOST_LINES && (
        <span class="quiet"> and {entries.length - MOST_LINES} more arguments</span>
      )}
      {entries.length === 0 && "Called without arguments."}
    </p>
  );
}

function shorten(text: string | null): string {
  return text === null || text === "" ? "(empty)" : toDisplayText(text, VALUE_LENGTH);
}
