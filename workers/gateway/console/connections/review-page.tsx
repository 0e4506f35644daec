import { toDisplayText } from "../../../../shared/text/display-text.ts";
import { isWaiting, type ReviewItem } from "../../../connections/review/compare.ts";
import type { ConnectedPerson } from "../../connections/offers.ts";
import { Breakable, ConsoleFrame, type ConsoleLink, Moment } from "../frame.tsx";
import type { Names } from "../names.ts";

/** Most characters of a text, and of one side of a difference. */
const LONGEST = { text: 2_000, side: 1_500 } as const;

interface ReviewPageProps {
  name: string;
  items: readonly ReviewItem[];
  people: readonly ConnectedPerson[];
  names: Names;
  /** Id of the person who looks: a form counts for this person only. */
  subject: string;
  links: readonly ConsoleLink[];
  /** Most items of one form. */
  most: number;
  notice?: { tone: "good" | "danger"; text: string };
}

/**
 * What an MCP server offers and waits for a decision, with what differs from the approved definition, and who has
 * connected an account. Every text of the server is data: cleaned, cut, escaped by the template.
 */
export function ReviewPage({ name, items, people, names, subject, links, most, notice }: ReviewPageProps) {
  // Of an HTTP API the document says what it offers, and nothing waits here.
  const isReviewed = items.length > 0 || people.length === 0;
  return (
    <ConsoleFrame
      title={isReviewed ? `What ${name} offers` : `Who uses ${name}`}
      links={links}
      here="/console/connections"
    >
      {notice !== undefined && (
        <p class={`notice ${notice.tone}`} role={notice.tone === "danger" ? "alert" : "status"}>
          {toDisplayText(notice.text, 600)}
        </p>
      )}
      {isReviewed && <Offered name={name} items={items} subject={subject} most={most} />}
      {people.length > 0 && <People people={people} names={names} />}
    </ConsoleFrame>
  );
}

function Offered({
  name,
  items,
  subject,
  most,
}: Pick<ReviewPageProps, "name" | "items" | "subject" | "most">) {
  const waiting = items.filter(isWaiting);
  const count = (status: ReviewItem["status"]) => items.filter((item) => item.status === status).length;
  return (
    <>
      <p>
        {waiting.length} wait · {count("approved")} approved and unchanged · {count("refused")} refused ·{" "}
        {count("gone")} gone. An approval counts from the next publication:{" "}
        <code class="whole">npm run connections -- publish</code>. To ask the server what it offers now:{" "}
        <code>npm run connections -- review {name}</code>
      </p>
      {waiting.length === 0 ? (
        <section class="card">
          <p>Nothing waits for a decision.</p>
        </section>
      ) : (
        <form method="post" action={`/console/connections/${name}/offers`}>
          <input type="hidden" name="subject" value={subject} />
          {waiting.slice(0, most).map((item) => (
            <Waiting item={item} />
          ))}
          <section class="card bar">
            <p class="quiet small">
              {waiting.length > most
                ? `The first ${most} of ${waiting.length}. `
                : "You decide about those that you tick. "}
              What you approve is what apps and their models read.
            </p>
            <button type="submit" name="decision" value="approve" class="primary">
              Approve the ticked
            </button>
            <button type="submit" name="decision" value="refuse" class="danger">
              Refuse the ticked
            </button>
          </section>
        </form>
      )}
    </>
  );
}

function Waiting({ item }: { item: ReviewItem }) {
  const { type, name, offeredAs, digest, status, formerly, changes, findings, refusal, definition } = item;
  const { description, inputSchema, annotations } = definition as Record<string, unknown>;
  const { properties } = (inputSchema ?? {}) as { properties?: object };
  const words = Object.keys(properties ?? {}).slice(0, 50);
  const hints = Object.entries(annotations ?? {}).map(([hint, value]) => `${hint}: ${String(value)}`);
  const shown = toDisplayText(name, 200);
  return (
    <section class="card">
      <h2>
        {refusal === null ? (
          <label class="pick">
            <input type="checkbox" name="digest" value={digest} />
            <span>
              <Breakable name={shown} />
            </span>
          </label>
        ) : (
          <Breakable name={shown} />
        )}{" "}
        <span class={status === "changed" ? "badge caution" : "badge"}>
          {status}
          {formerly !== undefined && `, formerly ${toDisplayText(formerly, 100)}`}
        </span>
      </h2>
      <p class="quiet small">
        {type} · offered as <code>{toDisplayText(offeredAs, 300)}</code>
        {words.length > 0 && ` · takes ${words.map((word) => toDisplayText(word, 60)).join(", ")}`}
        {hints.length > 0 && ` · says of itself ${hints.map((hint) => toDisplayText(hint, 60)).join(", ")}`}
      </p>
      {refusal !== null && <p class="notice danger">{toDisplayText(refusal, 300)} It cannot be approved.</p>}
      {findings.length > 0 && (
        <div class="notice caution">
          <p>Reads like orders to a model:</p>
          <ul>
            {findings.map(({ path, rule, excerpt }) => (
              <li>
                {rule}: “{toDisplayText(excerpt, 200)}”{path !== "" && ` in ${toDisplayText(path, 120)}`}
              </li>
            ))}
          </ul>
        </div>
      )}
      {changes.length > 0 ? (
        <dl class="arguments">
          {changes.map(({ path, before, after }) => (
            <div class="differs">
              <dt>
                <code>{toDisplayText(path, 200)}</code>
              </dt>
              <dd>
                <Side label="approved" value={before} />
                <Side label="now" value={after} />
              </dd>
            </div>
          ))}
        </dl>
      ) : (
        <p>{toDisplayText(String(description ?? ""), LONGEST.text)}</p>
      )}
      <details>
        <summary>The whole definition</summary>
        <pre>{cut(JSON.stringify(definition, null, 2), 20_000)}</pre>
      </details>
    </section>
  );
}

function Side({ label, value }: { label: string; value: unknown }) {
  return (
    <>
      <span class="quiet small">{label}</span>
      <pre>{value === null ? "(none)" : cut(JSON.stringify(value, null, 2), LONGEST.side)}</pre>
    </>
  );
}

/** JSON of another system, line by line: what people cannot see is shown by its code. */
function cut(text: string, max: number): string {
  const visible = text.replace(
    /[\p{Cf}\p{Co}\p{Cs}\u007F-\u009F]/gu,
    (one) => `\\u{${(one.codePointAt(0) ?? 0).toString(16)}}`,
  );
  return visible.length <= max ? visible : `${visible.slice(0, max)}…`;
}

function People({ people, names }: { people: readonly ConnectedPerson[]; names: Names }) {
  return (
    <section class="card">
      <h2>Who is connected</h2>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Person</th>
              <th scope="col">Account</th>
              <th scope="col">Since</th>
            </tr>
          </thead>
          <tbody>
            {people.map(({ id, state, since }) => (
              <tr>
                <th scope="row">{names.get(id) ?? <code>{id}</code>}</th>
                <td>
                  {state === "connected" ? (
                    <span class="badge good">connected</span>
                  ) : (
                    <span class="badge caution">has to be connected again</span>
                  )}
                </td>
                <td>
                  <Moment at={since} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
