import { NOTE_LENGTH } from "../../../../shared/policy/changes/publish.ts";
import type { DraftPageProps } from "./draft-page.tsx";

/** Puts a draft in force, or says who has to. */
export function PublishForm(props: DraftPageProps & { here: string }) {
  const { draft, state, own, takesAnother, subject, here } = props;
  if (takesAnother) {
    return (
      <section class="card">
        <h2>Publish</h2>
        <p class="notice">
          The policy takes two people: ask a person with the right <code>policy</code> who did not write in
          this draft to look at it here and publish it.
        </p>
      </section>
    );
  }
  return (
    <section class="card">
      <h2>Publish</h2>
      <form method="post" action={`${here}/publish`}>
        <input type="hidden" name="subject" value={subject} />
        <input type="hidden" name="revision" value={String(draft.revision)} />
        <input type="hidden" name="base" value={String(state.publication)} />
        <label class="field">
          Why
          <input type="text" name="note" required maxlength={NOTE_LENGTH} autocomplete="off" />
        </label>
        {own.gains.length > 0 && (
          <p>
            <label class="pick">
              <input type="checkbox" name="own" value="seen" required />
              {`I have seen what my own role, ${own.role}, gains.`}
            </label>
          </p>
        )}
        <p class="quiet small">
          It is in force here at once and everywhere within 30 seconds, and the trail says who published it.
        </p>
        <div class="actions">
          <button type="submit" class="primary">
            Publish
          </button>
        </div>
      </form>
    </section>
  );
}
