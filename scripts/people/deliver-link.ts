import { LINK_HOURS, type LinkKind } from "../../shared/people/password-links.ts";

/** A link for one person. */
export interface Delivery {
  to: string;
  kind: LinkKind;
  url: string;
}

/**
 * Brings a link to its person. The one place that does: it prints the link, for the administrator to pass on. Where a
 * deployment can send mail, this function sends it instead and prints no link.
 */
export async function deliverLink({ to, kind, url }: Delivery): Promise<void> {
  const hours = LINK_HOURS[kind];
  const span = hours % 24 === 0 && hours > 24 ? `${hours / 24} days` : `${hours} hours`;
  console.log(
    `Link, shown this once; it works once within ${span}. Give it to ${to} and to no one else:\n  ${url}`,
  );
}
