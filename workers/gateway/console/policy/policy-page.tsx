import type { Row } from "../../../../shared/encoding/platform-database.ts";
import { toDisplayText } from "../../../../shared/text/display-text.ts";
import { ConsoleFrame, type ConsoleLink, Moment } from "../frame.tsx";
import type { Names } from "../names.ts";
import type { Notice } from "../people/people-page.tsx";
import type { Draft } from "./drafts.ts";

/** A publication as the page lists it. */
export interface ListedPublication {
  id: number;
  version: number;
  at: number;
  by: string;
  note: string;
}

/** A row of `LIST_PUBLICATIONS`. */
export function toListed({ id, version, at, by, note }: Row): ListedPublication {
  return { id: Number(id), version: Number(version), at: Number(at), by: String(by), note: String(note) };
}

/** Ids of the people in the author of a publication: the publisher, then who wrote the draft. None for a command. */
export function peopleIn(by: string): string[] {
  const [, publisher, authors = ""] =
    /^\/console\/policy \(([\w-]+)(?:, written by ([\w -]+))?\)$/.exec(by) ?? [];
  return publisher === undefined ? [] : [publisher, ...authors.split(" ").filter(Boolean)];
}

/** What the page shows. */
interface PolicyPageProps {
  drafts: readonly Draft[];
  /** The newest first. */
  publications: readonly ListedPublication[];
  /** The version in force. */
  version: number;
  people: Names;
  /** What the policy in force names and is not there, as sentences. */
  warnings: readonly string[];
  subject: string;
  links: readonly ConsoleLink[];
  notice?: Notice;
}

/** What is in force, the drafts, and every publication with the way back to it. */
export function PolicyPage(props: PolicyPageProps) {
  const { drafts, publications, version, people, warnings, subject, links, notice } = props;
  const [newest] = publications;
  return (
    <ConsoleFrame title="Policy" links={links} here="/console/policy">
      {notice && (
        <p class={`notice ${notice.tone}`} role={notice.tone === "good" ? "status" : "alert"}>
          {notice.text}
        </p>
      )}
      <section class="card">
        <h2>{`Version ${version} is in force`}</h2>
        {newest === undefined ? (
          <p>It came with the deployment; nothing has been published yet.</p>
        ) : (
          <p>
            Since <Moment at={newest.at} />, by <Author by={newest.by} people={people} />
            {newest.note !== "" && `: ${toDisplayText(newest.note, 300)}`}
          </p>
        )}
        <p>
          <a href={`/console/policy/versions/${version}`}>Its text</a> ·{" "}
          <a href="/console/policy/explain">Explain a decision</a>
        </p>
        {warnings.length > 0 && (
          <div class="notice caution">
            <ul>
              {warnings.map((warning) => (
                <li>{warning}</li>
              ))}
            </ul>
          </div>
        )}
        <Begin subject={subject} label="Write a draft" isMain />
      </section>
      <section class="card">
        <h2>Drafts</h2>
        {drafts.length === 0 ? (
          <p>There are none. A draft changes nothing until it is published.</p>
        ) : (
          <ul class="plain">
            {drafts.map((draft) => (
              <li>
                <h3>
                  <a href={`/console/policy/drafts/${draft.id}`}>
                    {draft.restores === null ? "Draft" : `Version ${draft.restores}, unchanged`}
                  </a>
                </h3>
                <p class="quiet small">
                  written by {nameAll(draft.authors, people)}, last <Moment at={draft.changedAt} />
                </p>
              </li>
            ))}
          </ul>
        )}
      </section>
      <section class="card">
        <table class="stack">
          <caption>Publications</caption>
          <thead>
            <tr>
              <th scope="col">Version</th>
              <th scope="col">In force since</th>
              <th scope="col">By</th>
              <th scope="col">Why</th>
              <th scope="col" />
            </tr>
          </thead>
          <tbody>
            {publications.map((one, index) => (
              <tr>
                <th scope="row">
                  <a href={`/console/policy/versions/${one.version}`}>{`Version ${one.version}`}</a>
                </th>
                <td>
                  <Moment at={one.at} />
                </td>
                <td>
                  <Author by={one.by} people={people} />
                </td>
                <td>{toDisplayText(one.note, 300)}</td>
                <td>
                  {index > 0 && <Begin subject={subject} label="Go back to it" version={one.version} />}
                </td>
              </tr>
            ))}
            <tr>
              <th scope="row">
                <a href="/console/policy/versions/1">Version 1</a>
              </th>
              <td>with the deployment</td>
              <td />
              <td />
              <td>{version !== 1 && <Begin subject={subject} label="Go back to it" version={1} />}</td>
            </tr>
          </tbody>
        </table>
      </section>
    </ConsoleFrame>
  );
}

/** Names of people; an id where the account has ended. */
export function nameAll(ids: readonly string[], people: Names): string {
  return new Intl.ListFormat("en-GB").format(ids.map((id) => people.get(id) ?? id));
}

function Author({ by, people }: { by: string; people: Names }) {
  const [publisher, ...authors] = peopleIn(by);
  if (publisher === undefined) return <>{`${toDisplayText(by, 80)} (command)`}</>;
  return (
    <>
      {people.get(publisher) ?? publisher}
      {authors.length > 0 && `, written by ${nameAll(authors, people)}`}
    </>
  );
}

/** Begins a draft of a version: the way back is a publication like every other, after a look at what it changes. */
function Begin({
  subject,
  label,
  version,
  isMain,
}: {
  subject: string;
  label: string;
  version?: number;
  isMain?: boolean;
}) {
  return (
    <form method="post" action="/console/policy/drafts">
      <input type="hidden" name="subject" value={subject} />
      {version !== undefined && <input type="hidden" name="version" value={String(version)} />}
      <button type="submit" class={isMain ? "primary" : "link"}>
        {label}
      </button>
    </form>
  );
}
