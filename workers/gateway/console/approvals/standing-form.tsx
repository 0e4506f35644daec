import type { OpenedApproval } from "../../approvals/open-approval.ts";

/**
 * The form with which an approver lets further calls like this one run; empty where the rule allows none.
 *
 * @param place - query of the inbox that the request was chosen in
 */
export function StandingForm({
  opened,
  place,
  subject,
}: {
  opened: OpenedApproval;
  place: string;
  subject: string;
}) {
  const { item, powers, obstacle, values, requester } = opened;
  const allowed = item.standing ?? null;
  if (allowed === null || powers !== "decide" || obstacle !== null || item.state !== "pending") return null;
  return (
    <section class="card">
      <details>
        <summary>
          Approve this and further calls like it, of {requester?.name ?? "this person"} through this app
        </summary>
        <form method="post" action={`/console/approvals/standing${place}`}>
          <input type="hidden" name="subject" value={subject} />
          <input type="hidden" name="request" value={item.approvalId} />
          <p class="quiet">
            The rule allows at most {allowed.calls} calls within {allowed.days} days. It ends with the
            policy's next version, with the person's role, with the app's connection, and when you revoke it.
          </p>
          {Object.entries(values ?? {}).map(([name, value]) => (
            <fieldset>
              <legend>
                <code>{name}</code>
              </legend>
              <div class="filters">
                <label class="field">
                  May be
                  <select name={`bound:${name}`}>
                    <option value="same" selected>
                      the same as in this call
                    </option>
                    {typeof value === "number" && <option value="range">a number between</option>}
                    <option value="any">anything</option>
                  </select>
                </label>
                {typeof value === "number" && (
                  <>
                    <label class="field">
                      At least
                      <input
                        type="text"
                        inputmode="decimal"
                        name={`least:${name}`}
                        value={String(Math.min(0, value))}
                      />
                    </label>
                    <label class="field">
                      At most
                      <input type="text" inputmode="decimal" name={`most:${name}`} value={String(value)} />
                    </label>
                  </>
                )}
              </div>
            </fieldset>
          ))}
          <div class="filters">
            <label class="field">
              Further calls
              <input type="text" inputmode="numeric" name="calls" value="1" />
            </label>
            <label class="field">
              Days
              <input type="text" inputmode="numeric" name="days" value="1" />
            </label>
          </div>
          <button type="submit" class="danger">
            Approve this and these
          </button>
        </form>
      </details>
    </section>
  );
}
