import type { Child } from "hono/jsx";
import { Page } from "../../../shared/web/page.tsx";

/** A page that the person's role opens. */
export interface ConsoleLink {
  href: string;
  title: string;
}

/** What every page of the console is shown in. */
interface ConsoleFrameProps {
  title: string;
  /** The pages that the person's role opens. */
  links: readonly ConsoleLink[];
  /** Address of the page, or of the one that it belongs to. */
  here: string;
  /** At the right of the heading. */
  aside?: Child;
  children: Child;
}

/** The frame of the console: the pages that the role opens, and the heading. Without links there is no navigation. */
export function ConsoleFrame({ title, links, here, aside, children }: ConsoleFrameProps) {
  return (
    <Page
      title={title}
      wide="console"
      corner={<a href="/account">Your account</a>}
      navigation={
        links.length > 0 && (
          <nav class="console" aria-label="Console">
            <ul>
              {links.map(({ href, title: name }) => (
                <li>
                  <a href={href} aria-current={href === here ? "page" : undefined}>
                    {name}
                  </a>
                </li>
              ))}
            </ul>
          </nav>
        )
      }
    >
      <div class="heading">
        <h1>{title}</h1>
        {aside}
      </div>
      {children}
    </Page>
  );
}

/** A moment as pages show it: to the second, in UTC. */
export function Moment({ at }: { at: number }) {
  const text = new Date(at).toISOString();
  return <time dateTime={text}>{`${text.slice(0, 19).replace("T", " ")} UTC`}</time>;
}

/** A name that may break behind its underscores, and not within a word. */
export function Breakable({ name }: { name: string }) {
  return (
    <>
      {name.split(/(?<=_)/).map((part, index) => (
        <>
          {index > 0 && <wbr />}
          {part}
        </>
      ))}
    </>
  );
}
