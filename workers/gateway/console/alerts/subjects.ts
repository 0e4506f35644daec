/** What an alert or a silence is about. */
interface About {
  kind: string;
  subject: string | null;
}

/** The person, app or key that an alert is about: its id, and which of them it is; `null` for other subjects. */
export function memberOf({ kind, subject }: About): { of: "person" | "app"; id: string } | null {
  if (subject === null || subject === "") return null;
  if (["denials_in_row", "new_tools", "team_without_member"].includes(kind))
    return { of: "person", id: subject };
  if (kind === "expiring") return { of: "app", id: subject };
  if (kind === "expiring_credential") {
    const [, person] = /^account \S+ (.+)$/.exec(subject) ?? [];
    return person === undefined ? null : { of: "person", id: person };
  }
  const named = kind === "volume" || kind === "new_country";
  const [, of, id = ""] = named ? (/^(person|app) (.+)$/.exec(subject) ?? []) : [];
  return of === "person" || of === "app" ? { of, id } : null;
}

/** Ids of the people and of the apps and keys that these are about. */
export function idsIn(all: readonly About[]): { people: string[]; apps: string[] } {
  const members = all.map(memberOf).filter((member) => member !== null);
  const idsOf = (wanted: string) => members.filter(({ of }) => of === wanted).map(({ id }) => id);
  return { people: idsOf("person"), apps: idsOf("app") };
}
