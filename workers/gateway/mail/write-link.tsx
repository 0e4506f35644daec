import type { LinkKind } from "../../../shared/people/password-links.ts";
import type { Mail } from "./mailer.ts";

/** A link for one person. */
export interface LinkToWrite {
  to: string;
  name: string;
  kind: LinkKind;
  url: string;
  /** When it ends, in milliseconds since the epoch. */
  ends: number;
  /** Whom the person asks; continues «ask …». */
  contact: string;
}

/** The message that tells a person that an administrator has removed their second factor and passkeys. */
export function writeFactorsRemoved({
  to,
  name,
  publicUrl,
  contact,
}: Pick<LinkToWrite, "to" | "name" | "contact"> & { publicUrl: string }): Mail {
  const { host } = new URL(publicUrl);
  const subject = "Your second factor for Gatehouse was removed";
  const what = `An administrator removed the second factor and all passkeys of your account for Gatehouse at ${host}, and you are signed out everywhere.`;
  const next = "Sign in and set another one up on your account page.";
  const else_ = `If you did not ask for it, tell ${contact} at once.`;
  return { to: [to], subject, text: `${[`Hello ${name},`, what, next, else_].join("\n\n")}\n` };
}

/** The message with which a person gets a link: the same sentences as plain text and as a page. No tracking, no picture. */
export function writeLink({ to, name, kind, url, ends, contact }: LinkToWrite): Mail {
  const invited = kind === "invitation";
  const { host } = new URL(url);
  const subject = invited ? "Your invitation to Gatehouse" : "Choose another password for Gatehouse";
  const why = invited
    ? `You are invited to Gatehouse at ${host}. Choose the password with which you sign in:`
    : `With this link you choose another password for Gatehouse at ${host}:`;
  const until = `${new Date(ends).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  const once = `The link works once, until ${until}. Give it to no one else.`;
  const else_ = invited
    ? `If you expect no invitation, leave the link alone, or ask ${contact}.`
    : `If you did not ask for it, leave the link alone and tell ${contact}: your password stays as it is.`;
  const text = [`Hello ${name},`, why, url, once, else_].join("\n\n");
  const page = (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>{subject}</title>
      </head>
      <body style="font-family:sans-serif;line-height:1.5;max-width:36rem">
        <p>Hello {name},</p>
        <p>{why}</p>
        <p>
          <a href={url}>{invited ? "Choose your password" : "Choose another password"}</a>
        </p>
        <p>{once}</p>
        <p>{else_}</p>
        <p style="font-size:small">
          If the link above does not open: <br />
          {url}
        </p>
      </body>
    </html>
  );
  return { to: [to], subject, text: `${text}\n`, html: `<!doctype html>${page}` };
}
