import { Page } from "../../../shared/web/page.tsx";

/** The pages that the person's role opens; the console has more. */
export function ConsoleHomePage({
  pages,
}: {
  pages: readonly { href: string; title: string; text: string }[];
}) {
  return (
    <Page title="Console" wide corner={<a href="/account">Your account</a>}>
      <h1>Console</h1>
      <section class="card">
        {pages.length === 0 ? (
          <p>
            Your role opens no page here. The policy says under <code>console</code> which roles do.
          </p>
        ) : (
          <ul class="plain">
            {pages.map(({ href, title, text }) => (
              <li>
                <h3>
                  <a href={href}>{title}</a>
                </h3>
                <p class="quiet small">{text}</p>
              </li>
            ))}
          </ul>
        )}
      </section>
    </Page>
  );
}

/** The way back, for the corner of every page of the console. */
export function ToConsole() {
  return <a href="/console">Console</a>;
}
