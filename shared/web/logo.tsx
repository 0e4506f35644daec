import type { Child } from "hono/jsx";

/** The logo: an open gate under an arch, in the surrounding text colour. */
const LOGO_PATHS = (
  <>
    <path
      d="M4 28V14C4 7.4 9.4 2 16 2s12 5.4 12 12v14"
      fill="none"
      stroke="currentColor"
      stroke-width="3"
      stroke-linecap="round"
    />
    <path
      d="M11 28V15a5 5 0 0 1 10 0v13"
      fill="none"
      stroke="currentColor"
      stroke-width="3"
      stroke-linecap="round"
    />
    <path d="M2 28.5h28" fill="none" stroke="currentColor" stroke-width="3" stroke-linecap="round" />
  </>
);

/** The logo for use in a page; decorative, because the word is next to it. */
export function Logo() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      {LOGO_PATHS}
    </svg>
  );
}

/** The logo as a file (`/favicon.svg`), in a colour that is readable on light and dark tabs. */
export function renderLogoFile(): string {
  return renderFile("Gatehouse", LOGO_PATHS);
}

/** A server's icon as a file, in the logo's colour. `glyph` is SVG path data, drawn as lines on 32 × 32. */
export function renderGlyphFile(title: string, glyph: string): string {
  return renderFile(
    title,
    <path
      d={glyph}
      fill="none"
      stroke="currentColor"
      stroke-width="3"
      stroke-linecap="round"
      stroke-linejoin="round"
    />,
  );
}

function renderFile(title: string, paths: Child): string {
  return (
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" color="#1d8a86">
      <title>{title}</title>
      {paths}
    </svg>
  ).toString();
}
