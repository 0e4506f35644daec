import type { Met } from "../../../shared/call/flow-labels.ts";
import { LABEL_TEXT } from "../../../shared/guard/flow/describe-met.ts";
import { toDisplayText } from "../../../shared/text/display-text.ts";
import { Page } from "../../../shared/web/page.tsx";
import type { Person } from "../people.ts";
import { type MissingFactor, pathToFactor } from "../second-factor/requirement.ts";
import { ArgumentList } from "./argument-list.tsx";
import type { OpenedApproval } from "./open-approval.ts";
import { PreviewList } from "./preview-list.tsx";
import { EFFECT_TEXT, STATE_TEXT, toMoment } from "./wording.ts";

/** Most characters of the reason for a refusal. */
export const REASON_LENGTH = 300;

/** Properties of the page. */
export interface ApprovalPageProps {
  opened: OpenedApproval;
  person: Person;
  /** Path of this page. */
  here: string;
  notice?: { tone: "good" | "danger"; text: string };
}

/** One request: the exact call, the requester, why it needs approval, and the two answers. */
export function ApprovalPage({ opened, person, here, notice }: ApprovalPageProps) {
  const { item, tool, values, masked } = opened;
  const title = tool?.title ?? item.binding.tool;
  const open = item.state === "pending";
  const inbox = <a href="/approvals">All approvals</a>;
  return (
    <Page title={open ? "Approve a call" : STATE_TEXT[item.state]} wide corner={inbox}>
      {notice && (
        <p class={`notice ${notice.tone}`} role={notice.tone === "good" ? "status" : "alert"}>
          {notice.text}
        </p>
      )}
      <div class="card">
        <h1>{open ? `Let “${title}” run once?` : `${title}: ${STATE_TEXT[item.state].toLowerCase()}`}</h1>
        <p class="notice caution">
          <strong>Why it needs approval:</strong> {item.reason}
        </p>
        <Facts opened={opened} person={person} />
        {(item.shown?.met ?? []).length > 0 && <ReadBefore met={item.shown?.met ?? []} />}
        {opened.preview.length > 0 && (
          <>
            <h2>What {open ? "would change" : "was to change"}</h2>
            <PreviewList preview={opened.preview} />
          </>
        )}
        <h2>What {open ? "will run" : "was asked for"}</h2>
        {opened.subjects.length > 0 && <Subjects opened={opened} />}
        {values !== null && item.shown ? (
          <ArgumentList values={values} shown={item.shown} />
        ) : (
          <p class="quiet">The arguments have been deleted, as always some time after the end.</p>
        )}
        {values !== null && masked && (
          <p class="quiet small">•••: hidden from your role, or a secret that is never stored.</p>
        )}
        {open && <Answers opened={opened} person={person} here={here} />}
      </div>
    </Page>
  );
}

function Facts({ opened, person }: Pick<ApprovalPageProps, "opened" | "person">) {
  const { item, tool, app, requester } = opened;
  const { binding, decision } = item;
  return (
    <dl class="facts">
      <dt>Asked by</dt>
      <dd>
        {requester === null ? "A person whose account has ended" : requester.name}{" "}
        {requester && <span class="quiet">({requester.id === person.id ? "you" : requester.email})</span>}
      </dd>
      <dt>Through</dt>
      <dd>
        {app === null ? "An app that is disconnected" : toDisplayText(app.name, 80)}{" "}
        {app && (
          <span class={app.domain === null ? "badge caution" : "badge good"}>
            {app.domain ?? "Not verified"}
          </span>
        )}
      </dd>
      <dt>Tool</dt>
      <dd>
        <code>{binding.tool}</code>
        {tool && (
          <>
            <br />
            {EFFECT_TEXT[tool.effect]}
          </>
        )}
      </dd>
      <dt>Asked at</dt>
      <dd>
        <Moment at={item.askedAt} />
      </dd>
      <dt>Ends at</dt>
      <dd>
        <Moment at={item.expiresAt} /> <span class="quiet">if it has not run by then</span>
      </dd>
      {decision && (
        <>
          <dt>Decided at</dt>
          <dd>
            <Moment at={decision.at} />
            {decision.reason !== null && <p>“{decision.reason}”</p>}
          </dd>
        </>
      )}
      {item.outcome !== null && (
        <>
          <dt>Outcome</dt>
          <dd>{item.outcome === "ok" ? "The call succeeded." : `The call ended with ${item.outcome}.`}</dd>
        </>
      )}
    </dl>
  );
}

/** What the session has read before: it may be in the arguments, or may have led to the call. */
function ReadBefore({ met }: { met: readonly Met[] }) {
  return (
    <>
      <h2>What this app has read before</h2>
      <dl class="facts">
        {met.map(({ label, names }) => (
          <>
            <dt>{LABEL_TEXT[label].charAt(0).toUpperCase() + LABEL_TEXT[label].slice(1)}</dt>
            <dd>
              {names.toReversed().map((name) => (
                <>
                  <code>{toDisplayText(name, 80)}</code>{" "}
                </>
              ))}
            </dd>
          </>
        ))}
      </dl>
      {met.some(({ label }) => label === "untrusted") && (
        <p class="quiet small">
          Text of others may have told the model to make this call. Compare the arguments with what you asked
          for.
        </p>
      )}
    </>
  );
}

/** Names of the records behind the ids below. */
function Subjects({ opened }: Pick<ApprovalPageProps, "opened">) {
  return (
    <dl class="facts">
      {opened.subjects.map(({ type, id, label }) => (
        <>
          <dt>{type.charAt(0).toUpperCase() + type.slice(1)}</dt>
          <dd>
            <strong>{toDisplayText(label, 120)}</strong>
            <br />
            <code class="quiet small">{id}</code>
          </dd>
        </>
      ))}
    </dl>
  );
}

function Answers({ opened, person, here }: Pick<ApprovalPageProps, "opened" | "person" | "here">) {
  const { powers, obstacle } = opened;
  const mayApprove = obstacle === null && (powers === "decide" || powers === "decide_own");
  return (
    <>
      {obstacle !== null && <p class="notice danger">{obstacle}</p>}
      {obstacle === null && powers === "withdraw" && (
        <p class="notice">Another person has to approve this: you cannot approve calls of your own apps.</p>
      )}
      {obstacle === null && powers === "confirm_first" && (
        <form method="post" action="/sign-out">
          <input type="hidden" name="next" value={here} />
          <p class="notice">You may approve this yourself. Sign in again first: it shows that it is you.</p>
          <div class="actions">
            <button type="submit" class="primary">
              Sign in again
            </button>
          </div>
        </form>
      )}
      {obstacle === null && (powers === "code_first" || powers === "set_up_first") && (
        <FactorFirst missing={powers === "code_first" ? "code" : "set_up"} here={here} />
      )}
      <form method="post" action={here}>
        <input type="hidden" name="subject" value={person.id} />
        <label class="field">
          {powers === "decide" ? "Reason, if you refuse (optional)" : "Reason, if you withdraw it (optional)"}
          <textarea name="reason" rows={2} maxlength={REASON_LENGTH} />
        </label>
        <div class="actions">
          <button type="submit" name="decision" value="refuse" class="danger">
            {powers === "decide" ? "Refuse" : "Withdraw"}
          </button>
          {mayApprove && (
            <button type="submit" name="decision" value="approve" class="primary">
              Approve this one call
            </button>
          )}
        </div>
      </form>
    </>
  );
}

function FactorFirst({ missing, here }: { missing: MissingFactor; here: string }) {
  const has = missing === "code";
  return (
    <>
      <p class="notice">
        {has
          ? "You may approve this. Enter your second factor first: it shows that it is you."
          : "Your role asks for a second factor before you approve anything. Set it up first."}
      </p>
      <p>
        <a class="button primary" href={pathToFactor(missing, here)}>
          {has ? "Enter the second factor" : "Set it up"}
        </a>
      </p>
    </>
  );
}

function Moment({ at }: { at: number }) {
  return <time dateTime={new Date(at).toISOString()}>{toMoment(at)}</time>;
}
