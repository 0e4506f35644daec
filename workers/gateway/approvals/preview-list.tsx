import type { PreviewedChange } from "../../../shared/call/proposal.ts";
import { toDisplayText } from "../../../shared/text/display-text.ts";

/** Changes that a call would make: each record with owner and value, and every field before and after. */
export function PreviewList({ preview }: { preview: readonly PreviewedChange[] }) {
  return (
    <>
      {preview.map(({ record, owner, amount, fields }) => (
        <dl class="facts">
          <dt>{record.type.charAt(0).toUpperCase() + record.type.slice(1)}</dt>
          <dd>
            <strong>{toDisplayText(record.label, 300)}</strong>
            <br />
            <code class="quiet small">{record.id}</code>
          </dd>
          {owner !== undefined && (
            <>
              <dt>Owner</dt>
              <dd>{owner ?? "none"}</dd>
            </>
          )}
          {amount !== undefined && amount !== null && (
            <>
              <dt>Amount</dt>
              <dd>{amount}</dd>
            </>
          )}
          {fields.map(({ name, from, to }) => (
            <>
              <dt>
                <code>{name}</code>
              </dt>
              <dd>
                <span class="quiet">{from ?? "(empty)"}</span> → <strong>{to ?? "(empty)"}</strong>
              </dd>
            </>
          ))}
        </dl>
      ))}
    </>
  );
}
