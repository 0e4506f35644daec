import type { OwnBrowser } from "./own-browsers.ts";

/** The browsers on which a person is signed in, each with a way to sign it out. */
export function BrowserList({ browsers }: { browsers: readonly OwnBrowser[] }) {
  return (
    <>
      <ul class="plain">
        {browsers.map((browser) => (
          <li>
            <h3>{browser.name ?? "An unnamed browser"}</h3>
            <p class="quiet small">
              {browser.current && (
                <>
                  <span class="badge good">This browser</span>{" "}
                </>
              )}
              since <Minute date={browser.since} />
              {browser.address !== null && <> · from {browser.address}</>} · ends{" "}
              <Minute date={browser.ends} />
            </p>
            {!browser.current && (
              <form method="post" action="/account/browsers">
                <input type="hidden" name="browser" value={browser.id} />
                <button type="submit" class="danger" aria-label={labelOf(browser)}>
                  Sign out
                </button>
              </form>
            )}
          </li>
        ))}
      </ul>
      {browsers.some(({ current }) => !current) && (
        <form method="post" action="/account/browsers">
          <input type="hidden" name="others" value="all" />
          <div class="actions">
            <button type="submit">Sign out everywhere else</button>
          </div>
        </form>
      )}
    </>
  );
}

/** Without it, two browsers would have identical buttons. */
function labelOf({ name, since, address }: OwnBrowser): string {
  const from = address === null ? "" : ` from ${address}`;
  return `Sign out ${name ?? "an unnamed browser"}, since ${minuteOf(since)}${from}`;
}

function Minute({ date }: { date: Date }) {
  return <time dateTime={date.toISOString()}>{minuteOf(date)}</time>;
}

function minuteOf(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
