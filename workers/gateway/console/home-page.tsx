import { ConsoleFrame, type ConsoleLink } from "./frame.tsx";

/** The pages that the person's role opens; the console has more. */
export function ConsoleHomePage({ links }: { links: readonly (ConsoleLink & { text: string })[] }) {
  return (
    <ConsoleFrame title="Console" links={[]} here="/console">
      <section class="card">
        {links.length === 0 ? (
          <p>
            Your role opens no page here. The policy says under <code>console</code> which roles do.
          </p>
        ) : (
          <ul class="plain">
            {links.map(({ href, title, text }) => (
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
    </ConsoleFrame>
  );
}
