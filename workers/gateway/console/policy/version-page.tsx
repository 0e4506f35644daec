import { ConsoleFrame, type ConsoleLink } from "../frame.tsx";

/** The text of a published version. Comments are there if it was written in the console. */
export function VersionPage({
  number,
  text,
  links,
}: {
  number: number;
  text: string;
  links: readonly ConsoleLink[];
}) {
  return (
    <ConsoleFrame
      title={`Version ${number}`}
      links={links}
      here="/console/policy"
      aside={<a href={`/console/policy/explain?version=${number}`}>Explain a decision of it</a>}
    >
      <section class="card">
        <pre class="lines">
          {text.split("\n").map((line, index) => (
            <span id={`line-${index + 1}`}>{`${line}\n`}</span>
          ))}
        </pre>
      </section>
    </ConsoleFrame>
  );
}
