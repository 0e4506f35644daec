import { stemmer } from "stemmer";
import { listWords } from "../../text/segment-words.ts";

/** Words that say nothing about what a tool does. */
const STOP = new Set(
  "a an and any are as at be been but by can could did do does for from give had has have how i if in into is it its me my of on or our out please so some than that the their them then there these they this to up us was we were when where which while will with would you your all am just via per let lets want need needs who what which s".split(
    " ",
  ),
);

/** What else a person may call the thing. One word, or several that stand for it. */
const GROUPS: readonly (readonly string[])[] = [
  ["issue", "ticket", "bug"],
  ["repository", "repo", "repositories", "repos"],
  ["pull request", "pr", "prs", "merge request", "mr"],
  ["workflow", "ci", "pipeline", "build", "action"],
  ["user", "person", "people", "colleague", "member", "someone"],
  ["customer", "client"],
  ["organization", "organisation", "org"],
  ["directory", "folder"],
  ["comment", "reply", "answer", "respond"],
  ["label", "tag"],
  ["webhook", "hook"],
  ["email", "mail"],
  ["payment", "pay", "charge", "money"],
  ["invoice", "bill"],
  ["subscription", "plan"],
  ["refund", "reimburse"],
  ["permission", "access", "right", "rights"],
  ["collaborator", "contributor"],
  ["star", "favorite", "favourite", "bookmark"],
  ["attachment", "file", "document"],
  ["calendar", "meeting", "appointment", "event"],
  ["message", "chat"],
  ["key", "token", "credential"],
  ["log", "logs", "output"],
  ["run", "start", "trigger", "launch", "dispatch"],
  ["cancel", "stop", "abort"],
  ["download", "export"],
  ["upload", "import"],
  ["history", "changes", "commits", "log"],
  ["invite", "invitation", "add"],
  ["archive", "zip", "tarball"],
  ["vulnerability", "security", "advisory", "alert"],
  ["duplicate", "copy", "clone", "fork"],
  ["assign", "assignee"],
  ["approve", "accept"],
  ["attach", "upload"],
  ["take", "remove"],
  ["give", "add", "grant"],
  ["tag", "label"],
  ["stop", "disable", "lock"],
  ["protect", "protection"],
  ["discussion", "comments"],
];

/** What a person wants to happen, by the first word of it that a tool's name has. */
const VERBS: Readonly<Record<Verb, string>> = {
  read: "get list show find search read view see fetch look lookup retrieve query check display tell compare download",
  create: "create add new open make write register start upload send invite submit publish",
  update:
    "update change edit set modify rename replace move patch enable disable mark put turn close lock reopen assign",
  delete: "delete remove drop revoke erase clear cancel unassign uninstall destroy unstar unfollow dismiss",
};

/** What a tool or a question does. */
export type Verb = "read" | "create" | "update" | "delete";

const VERB_OF = new Map<string, Verb>(
  (Object.entries(VERBS) as [Verb, string][]).flatMap(([verb, words]) =>
    words.split(" ").map((word) => [stemmer(word), verb] as const),
  ),
);

const SYNONYMS = new Map<string, readonly string[]>();
for (const group of GROUPS) {
  const stems = group.map((words) => words.split(" ").map(stemmer));
  for (const own of stems) {
    const others = stems.filter((stem) => stem !== own).flat();
    for (const word of own.length === 1 ? own : [])
      SYNONYMS.set(word, [...(SYNONYMS.get(word) ?? []), ...others]);
  }
}

/** The stems of a text, of names in any spelling too: `listForRepo`, `list_for_repo`, `list-for-repo`. */
export function stemWords(text: string): string[] {
  const apart = text.replace(/([a-z0-9])([A-Z])/g, "$1 $2").replace(/[_\-./]+/g, " ");
  return listWords(apart).flatMap((word) => (STOP.has(word) ? [] : [stemmer(word)]));
}

/** Stems of other words for the same thing. */
export function synonymsOf(stem: string): readonly string[] {
  return SYNONYMS.get(stem) ?? [];
}

/** What the first verb of a text does; `null` if it has none. */
export function verbOf(stems: readonly string[]): Verb | null {
  for (const stem of stems) {
    const verb = VERB_OF.get(stem);
    if (verb !== undefined) return verb;
  }
  return null;
}
