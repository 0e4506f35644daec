import { maskText } from "../../../../shared/redact/mask-text.ts";
import { toDisplayText } from "../../../../shared/text/display-text.ts";
import type { ListedLetter } from "../../../audit-log/dead-letters.ts";
import { ConsoleFrame, type ConsoleLink, Moment } from "../frame.tsx";

/** Most characters of a message on the page. */
const BODY_LENGTH = 2_000;

/** What the page shows. */
interface DeadLettersPageProps {
  letters: readonly ListedLetter[];
  total: number;
  subject: string;
  links: readonly ConsoleLink[];
  notice?: string;
  isRefused?: boolean;
}

/** The oldest messages that could not be read, each with its reason, and the button that delivers all again. */
export function DeadLettersPage({ letters, total, subject, links, notice, isRefused }: DeadLettersPageProps) {
  return (
    <ConsoleFrame title="Dead letters" links={links} here="/console/dead-letters">
      {notice !== undefined && (
        <p class={`notice ${isRefused ? "danger" : "good"}`} role={isRefused ? "alert" : "status"}>
          {notice}
        </p>
      )}
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
                  <h3>{toDisplayText(reason, 300)}</h3>
                  <p class="quiet small">
                    since <Moment at={at} /> · tried {tries} times, last <Moment at={triedAt} /> ·{" "}
                    <code>{id}</code>
                  </p>
                  <details>
                    <summary>Message</summary>
                    <pre>{maskText(body.slice(0, BODY_LENGTH), ["secret", "pii"])}</pre>
                  </details>
                </li>
              ))}
            </ul>
          </section>
        </>
      )}
    </ConsoleFrame>
  );
}
