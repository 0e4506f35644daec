import type { PublishedState } from "../../../../shared/policy/changes/published.ts";
import type { Mistake } from "../../../../shared/policy/changes/read-policy.ts";
import { ConsoleFrame, type ConsoleLink, Moment } from "../frame.tsx";
import type { Names } from "../names.ts";
import type { Notice } from "../people/people-page.tsx";
import type { JudgedDraft } from "./bench.ts";
import { DifferenceList } from "./difference-list.tsx";
import type { Draft } from "./drafts.ts";
import { nameAll } from "./policy-page.tsx";
import { PublishForm } from "./publish-form.tsx";

/** Most mistakes that are listed. */
const MOST_MISTAKES = 50;

/** What the page shows. */
export interface DraftPageProps {
  draft: Draft;
  judged: JudgedDraft;
  people: Names;
  state: PublishedState;
  /** What changes for the role of the person who looks, apart from rights that are taken away. */
  own: { role: string; gains: readonly string[] };
  /** Whether another person has to publish it. */
  takesAnother: boolean;
  subject: string;
  links: readonly ConsoleLink[];
  notice?: Notice;
}

/** A draft: its text with every mistake, what it would change, and the ways to try, publish and remove it. */
export function DraftPage(props: DraftPageProps) {
  const { draft, judged, people, state, own, subject, links, notice } = props;
  const here = `/console/policy/drafts/${draft.id}`;
  const isValid = judged.mistakes.length === 0;
  return (
    <ConsoleFrame
      title={draft.restores === null ? "Draft of the policy" : `Back to version ${draft.restores}`}
      links={links}
      here="/console/policy"
      aside={<a href="/console/policy">All drafts and publications</a>}
    >
      {notice && (
        <p class={`notice ${notice.tone}`} role={notice.tone === "good" ? "status" : "alert"}>
          {notice.text}
        </p>
      )}
      {!isValid && <Mistakes mistakes={judged.mistakes} text={draft.text} />}
      {isValid && draft.base !== state.publication && <OtherBase {...props} here={here} />}
      {isValid && (
        <section class="card">
          <h2>{`What changes against version ${state.version}, which is in force`}</h2>
          <DifferenceList differences={judged.differences} own={own} />
          {judged.warnings.length > 0 && (
            <div class="notice caution">
              <ul>
                {judged.warnings.map((warning) => (
                  <li>{warning}</li>
                ))}
              </ul>
            </div>
          )}
          {judged.absent.length > 0 && (
            <details>
              <summary>
                {`${judged.absent.length === 1 ? "One name is" : `${judged.absent.length} names are`} not in this deployment, as in the policy in force`}
              </summary>
              <ul class="small">
                {judged.absent.map((text) => (
                  <li>{text}</li>
                ))}
              </ul>
            </details>
          )}
          <p>
            <a href={`${here}/simulate`}>What it would have changed in recorded calls</a> ·{" "}
            <a href={`/console/policy/explain?draft=${draft.id}`}>Explain a decision of it</a>
          </p>
        </section>
      )}
      <section class="card">
        <form method="post" action={here}>
          <input type="hidden" name="subject" value={subject} />
          <input type="hidden" name="revision" value={String(draft.revision)} />
          <label class="field">
            Text (YAML)
            <textarea
              name="text"
              class="code"
              rows={28}
              spellcheck={false}
              autocomplete="off"
              wrap="off"
              data-completion="/console/policy/editor.json"
              aria-controls="completions"
              aria-describedby="completion-help"
              aria-autocomplete="list"
            >
              {`\n${draft.text}`}
            </textarea>
          </label>
          <div id="completions" role="listbox" aria-label="What may stand here" hidden />
          <p class="quiet small" id="completion-help" hidden>
            Ctrl and the space bar offer what may stand at the cursor: choose with the arrows and Enter, close
            with Escape.
          </p>
          <script src="/console/policy/editor.js" defer />
          <div class="actions">
            <button type="submit" class={isValid ? undefined : "primary"}>
              Save and check
            </button>
          </div>
        </form>
        <p class="quiet small">
          Written by {nameAll(draft.authors, people)}, last <Moment at={draft.changedAt} />.
        </p>
      </section>
      {isValid && draft.base === state.publication && <PublishForm {...props} here={here} />}
      <section class="card">
        <form method="post" action={`${here}/remove`}>
          <input type="hidden" name="subject" value={subject} />
          <input type="hidden" name="revision" value={String(draft.revision)} />
          <button type="submit" class="danger">
            Remove the draft
          </button>
        </form>
      </section>
    </ConsoleFrame>
  );
}

function Mistakes({ mistakes, text }: { mistakes: readonly Mistake[]; text: string }) {
  const lines = text.split("\n");
  return (
    <section class="card" role="alert">
      <h2>{mistakes.length === 1 ? "One mistake" : `${mistakes.length} mistakes`}</h2>
      <ul class="plain">
        {mistakes.slice(0, MOST_MISTAKES).map(({ line, field, message }) => (
          <li>
            <h3>
              {`Line ${line}`}
              {field !== "" && (
                <>
                  {" "}
                  <code>{field}</code>
                </>
              )}
            </h3>
            <p>{message}</p>
            <pre>{lines[line - 1] ?? ""}</pre>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Another policy was published meanwhile: the draft would undo it unless its authors bring its changes in. */
function OtherBase({ draft, state, subject, here }: DraftPageProps & { here: string }) {
  return (
    <section class="card">
      <p class="notice caution">
        {`Version ${state.version} was put in force after this draft was begun. What the draft does not say of it, a publication would undo: look at the changes below, and bring into the draft what has to stay.`}
      </p>
      <form method="post" action={`${here}/base`}>
        <input type="hidden" name="subject" value={subject} />
        <input type="hidden" name="revision" value={String(draft.revision)} />
        <input type="hidden" name="base" value={String(state.publication)} />
        <button type="submit">{`I have compared it with version ${state.version}`}</button>
      </form>
    </section>
  );
}
