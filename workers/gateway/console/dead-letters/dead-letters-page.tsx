import { maskText } from "../../../../shared/redact/mask-text.ts";
import { toDisplayText } from "../../../../shared/text/display-text.ts";
import type { ListedLetter } from "../../../audit-log/dead-letters.ts";
import type { SinkLetters } from "../../../audit-log/sinks/list-letters.ts";
import { ConsoleFrame, type ConsoleLink, Moment } from "../frame.tsx";
import type { Names } from "../names.ts";

/** Most characters of a message on the page. */
const BODY_LENGTH = 2_000;

/** What the page shows. */
interface DeadLettersPageProps {
  letters: readonly ListedLetter[];
  total: number;
  /** What receivers of copies of the trail refuse. */
  refused: SinkLetters;
  people: Names;
  /** Whether the person may read the trail, and so what is in a message. */
  maySeeRecords: boolean;
  subject: string;
  links: readonly ConsoleLink[];
  notice?: string;
  isRefused?: boolean;
}

/** The oldest messages that could not be read, each with its reason, and the button that delivers all again. */
export function DeadLettersPage(props: DeadLettersPageProps) {
  const { letters, total, refused, people, maySeeRecords, subject, links, notice, isRefused } = props;
  return (
    <ConsoleFrame title="Dead letters" links={links} here="/console/dead-letters">
      {notice !== undefined && (
        <p class={`notice ${isRefused ? "danger" : "good"}`} role={isRefused ? "alert" : "status"}>
          {notice}
        </p>
      )}
      {!maySeeRecords && (refused.total > 0 || total > 0) && (
        <p class="notice">What is in a message is shown to people with the right to read the trail.</p>
      )}
      {refused.total > 0 && <Refused {...{ refused, people, maySeeRecords, subject }} />}
      {total === 0 ? (
        <section class="card">
          <p>There are none: every record that arrived could be read and stored.</p>
        </section>
      ) : (
        <>
          <section class="card bar">
            <p>
              {total === 1 ? "One message" : `${total.toLocaleString("en-US")} messages`} could not be read.
              An hourly job tries them again, and a later release may read them.
            </p>
            <form method="post" action="/console/dead-letters/redrive">
              <input type="hidden" name="subject" value={subject} />
              <button type="submit" class="primary">
                Deliver all again
              </button>
            </form>
          </section>
          <section class="card">
            <ul class="plain">
              {letters.map(({ id, body, reason, at, tries, triedAt }) => (
                <li>
                  <h3>{toReason(reason)}</h3>
                  <p class="quiet small">
                    since <Moment at={at} /> · tried {tries} times, last <Moment at={triedAt} /> ·{" "}
                    <code>{id}</code>
                  </p>
                  {maySeeRecords && <Body title="Message" text={shorten(body)} />}
                </li>
              ))}
            </ul>
          </section>
        </>
      )}
    </ConsoleFrame>
  );
}

/** Records that the receiver of a copy of the trail calls invalid, and the button that has all tried again. */
function Refused({
  refused,
  people,
  maySeeRecords,
  subject,
}: Pick<DeadLettersPageProps, "refused" | "people" | "maySeeRecords" | "subject">) {
  const { letters, total } = refused;
  return (
    <>
      <section class="card bar">
        <p>
          {total === 1 ? "One record is" : `${total.toLocaleString("en-US")} records are`} refused by the
          receiver of a copy of the trail. The trail itself has {total === 1 ? "it" : "them"}; each is tried
          again once an hour.
        </p>
        <form method="post" action="/console/dead-letters/redrive">
          <input type="hidden" name="subject" value={subject} />
          <button type="submit">Try all again</button>
        </form>
      </section>
      <section class="card">
        <h2>Refused by receivers of copies</h2>
        <ul class="plain">
          {letters.map(({ sink, chain, sequence, reason, at, tries, triedAt, body }) => (
            <li>
              <h3>
                <code>{sink}</code>: {toReason(reason)}
              </h3>
              <p class="quiet small">
                record {sequence} of {people.get(chain) ?? chain} · since <Moment at={at} /> · tried{" "}
                {tries === 1 ? "once" : `${tries} times`},{" "}
                {triedAt === 0 ? (
                  "due now"
                ) : (
                  <>
                    last <Moment at={triedAt} />
                  </>
                )}
              </p>
              {maySeeRecords && <Body title="Record" text={body === null ? REMOVED : shorten(body)} />}
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}

const REMOVED = "The trail has removed it: it is forgotten at the next try.";

function Body({ title, text }: { title: string; text: string }) {
  return (
    <details>
      <summary>{title}</summary>
      <pre>{text}</pre>
    </details>
  );
}

/** Masked before it is cut: a part of a secret does not look like one. */
function shorten(body: string): string {
  return maskText(body, ["secret", "pii"]).slice(0, BODY_LENGTH);
}

/** The words of a receiver or of our reader, which may repeat a part of the record. */
function toReason(reason: string): string {
  return toDisplayText(maskText(reason, ["secret", "pii"]), 300);
}
