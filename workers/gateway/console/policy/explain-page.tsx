import type { Explained, WrittenQuestion } from "../../../../shared/policy/changes/explain.ts";
import { ConsoleFrame, type ConsoleLink } from "../frame.tsx";

/** The fields of a question, by what the page calls them. */
export const QUESTION_FIELDS: Readonly<Record<keyof WrittenQuestion, string>> = {
  tool: "Tool",
  resource: "Resource",
  prompt: "Prompt",
  console: "Right in the console",
  args: "Arguments",
  scopes: "Scopes of the token",
  session: "What the session has read before",
  country: "Country",
  ip: "Address of the client",
  at: "Time",
  "mfa-age": "Minutes since the second factor",
};

const HINTS: Partial<Record<keyof WrittenQuestion, string>> = {
  scopes: "crm:read crm:write; every one when left out",
  session: "private untrusted; nothing when left out",
  country: "DE",
  ip: "192.0.2.7",
  at: "2026-11-21T09:30:00Z; now when left out",
  "mfa-age": "none when left out",
};

/** What is asked: of which policy, for whom, and what. Every value is text; empty when not given. */
export interface Asked {
  draft: string;
  version: string;
  /** E-mail address or id. */
  person: string;
  role: string;
  question: Record<keyof WrittenQuestion, string>;
}

/** The answer, with the line of the policy that decides. */
export type Answer = { problem: string } | { explained: Explained; place: string };

/** What the page shows. */
interface ExplainPageProps {
  asked: Asked;
  answer?: Answer;
  roles: readonly string[];
  tools: readonly string[];
  /** The version in force. */
  version: number;
  links: readonly ConsoleLink[];
}

/** Which rule decides one call of a person or role, and why. */
export function ExplainPage({ asked, answer, roles, tools, version, links }: ExplainPageProps) {
  const of = asked.draft !== "" ? "a draft" : `version ${asked.version || version}`;
  const back = asked.draft === "" ? "/console/policy" : `/console/policy/drafts/${asked.draft}`;
  return (
    <ConsoleFrame
      title={`Explain a decision of ${of}`}
      links={links}
      here="/console/policy"
      aside={<a href={back}>{asked.draft === "" ? "Policy" : "The draft"}</a>}
    >
      {answer && <AnswerCard answer={answer} />}
      <section class="card">
        <form method="post" action="/console/policy/explain">
          <input type="hidden" name="draft" value={asked.draft} />
          <input type="hidden" name="version" value={asked.version} />
          <div class="filters">
            <label class="field broad">
              Person, by e-mail address
              <input type="text" name="person" value={asked.person} maxlength={254} autocomplete="off" />
            </label>
            <label class="field">
              or role
              <select name="role">
                <option value="" />
                {roles.map((role) => (
                  <option value={role} selected={role === asked.role}>
                    {role}
                  </option>
                ))}
              </select>
            </label>
            <label class="field">
              {QUESTION_FIELDS.tool}
              <input type="text" name="tool" value={asked.question.tool} list="tools" autocomplete="off" />
              <datalist id="tools">
                {tools.map((name) => (
                  <option value={name} />
                ))}
              </datalist>
            </label>
          </div>
          <label class="field">
            {`${QUESTION_FIELDS.args} (JSON)`}
            <textarea name="args" class="code" rows={3} spellcheck={false} placeholder={'{"stage":"won"}'}>
              {asked.question.args}
            </textarea>
          </label>
          <details open={OTHER.some((name) => asked.question[name] !== "")}>
            <summary>Resources, prompts, rights, origin and time</summary>
            <div class="filters">
              {OTHER.map((name) => (
                <label class="field">
                  {QUESTION_FIELDS[name]}
                  <input
                    type="text"
                    name={name}
                    value={asked.question[name]}
                    placeholder={HINTS[name]}
                    autocomplete="off"
                  />
                </label>
              ))}
            </div>
          </details>
          <div class="actions">
            <button type="submit" class="primary">
              Explain
            </button>
          </div>
        </form>
      </section>
    </ConsoleFrame>
  );
}

const OTHER = [
  "resource",
  "prompt",
  "console",
  "scopes",
  "session",
  "country",
  "ip",
  "at",
  "mfa-age",
] as const;

const WORDS: Readonly<Record<string, string>> = {
  allow: "Allowed",
  scope: "Needs a scope that the token lacks",
  mfa: "Needs a fresh second factor",
  approval: "Needs an approval",
  deny: "Denied",
};

function AnswerCard({ answer }: { answer: Answer }) {
  if ("problem" in answer) {
    return (
      <p class="notice danger" role="alert">
        {answer.problem}
      </p>
    );
  }
  const { decision, role, labels, line } = answer.explained;
  return (
    <section class="card" role="status">
      <h2>{WORDS[decision.kind] ?? decision.kind}</h2>
      <p>{decision.reason}</p>
      <dl class="facts">
        <dt>Role</dt>
        <dd>{role}</dd>
        {labels.length > 0 && (
          <>
            <dt>Labels</dt>
            <dd>{labels.join(", ")}</dd>
          </>
        )}
        <dt>Rule</dt>
        <dd>
          <code>{decision.rule}</code>
          {line !== null && ` in line ${line}`}
        </dd>
      </dl>
      {answer.place !== "" && <pre>{answer.place}</pre>}
    </section>
  );
}
