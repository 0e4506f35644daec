import { html } from "hono/html";
import type { Child } from "hono/jsx";
import { Logo } from "./logo.tsx";

/** Properties of every page besides its content. */
export interface PageProps {
  /** Shown in the tab, before the product's name. */
  title: string;
  /** Wider column, for pages with lists; `console` for tables and charts. */
  wide?: boolean | "console";
  /** Links or a button at the right of the wordmark. */
  corner?: Child;
  /** Links between pages that belong together, under the wordmark. */
  navigation?: Child;
  children: Child;
}

/** The frame of every page. JSX escapes the content; no page has scripts. */
export function Page({ title, wide, corner, navigation, children }: PageProps) {
  return html`<!doctype html>${(
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{`${title} · Gatehouse`}</title>
        <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/style.css" />
      </head>
      <body class={wide === "console" ? "console" : wide ? "wide" : undefined}>
        <header class="site">
          <a class="wordmark" href="/">
            <Logo />
            Gatehouse
          </a>
          {corner}
        </header>
        {navigation}
        <main>{children}</main>
        <footer class="site">Gatehouse guards what apps may do in your name.</footer>
      </body>
    </html>
  )}`;
}
