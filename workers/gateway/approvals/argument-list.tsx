import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { ApprovalItem, ShownArguments } from "../../../shared/objects/approval-gate.ts";

/** Every argument by name, with its markers. */
export function ArgumentList({
  values,
  shown,
}: {
  values: Record<string, JsonValue>;
  shown: NonNullable<ApprovalItem["shown"]>;
}) {
  const { differences, inherited } = shown;
  const names = Object.keys(values);
  return (
    <>
      {names.length === 0 && <p class="quiet">It is called without arguments.</p>}
      <dl class="arguments">
        {names.map((name) => (
          <Argument
            name={name}
            value={values[name] ?? null}
            inherited={inherited.includes(name)}
            differs={!differences.first && differences.changed.includes(name)}
          />
        ))}
      </dl>
      {differences.missing.length > 0 && (
        <p class="quiet small">
          Left out, and there the last time: <code>{differences.missing.join(", ")}</code>
        </p>
      )}
      <p class="quiet small">
        {differences.first
          ? "This app asks for a call of this tool for the first time."
          : differences.changed.length + differences.missing.length === 0
            ? "Nothing differs from the last time this app asked for this tool."
            : "“Differs” means: not as the last time this app asked for this tool."}
      </p>
    </>
  );
}

function Argument({
  name,
  value,
  inherited,
  differs,
}: {
  name: ShownArguments["inherited"][number];
  value: JsonValue;
  inherited: boolean;
  differs: boolean;
}) {
  return (
    <div class={differs ? "differs" : undefined}>
      <dt>
        <code>{name}</code>
        {differs && <span class="badge caution">Differs</span>}
        {inherited && <span class="badge">From the session's defaults</span>}
        {typeof value !== "string" && <span class="quiet small">{KINDS[kindOf(value)]}</span>}
      </dt>
      <dd>
        <pre>{showValue(value)}</pre>
      </dd>
    </div>
  );
}

const KINDS = {
  number: "number",
  boolean: "yes or no",
  nothing: "empties it",
  list: "list",
  object: "fields",
};

function kindOf(value: JsonValue): keyof typeof KINDS {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "list";
  return typeof value === "number" ? "number" : typeof value === "boolean" ? "boolean" : "object";
}

/** Text unchanged, everything else as JSON. Invisible and direction-changing characters are shown by name. */
function showValue(value: JsonValue): string {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  if (text === "") return "(empty text)";
  return text.replace(/[^\P{C}\n\t]|[\u2028\u2029]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}
