import { canonicalize } from "../../../../shared/encoding/canonical-json.ts";
import {
  isNote,
  NOTE_LENGTH,
  type Published,
  publishDocument,
  publishVersion,
} from "../../../../shared/policy/changes/publish.ts";
import { readPublished } from "../../../../shared/policy/changes/published.ts";
import { PolicyRefusal } from "../../../../shared/policy/changes/refusal.ts";
import { policyInForce } from "../../../../shared/policy/current.ts";
import type { PolicyDocument } from "../../../../shared/policy/schema.ts";
import { onPolicyObserved } from "../../policy-changes.ts";
import { type Bench, type JudgedDraft, listGains } from "./bench.ts";
import { closeDraft, type Draft } from "./drafts.ts";

/** Most authors of a draft that are named in the trail. */
const MOST_AUTHORS = 5;

/** Who publishes, and what they have looked at. */
export interface AskedPublication {
  /** Id and role of the person. */
  person: { id: string; role: string };
  revision: number;
  /** The publication that the page compared the draft with. */
  base: number;
  note: string;
  /** Whether the person has confirmed what their own role gains. */
  sawOwnGains: boolean;
}

/**
 * Puts a draft in force as the command does: the same checks, the next publication number, announced and recorded at once.
 * Throws {@link PolicyRefusal} with a sentence for the page; nothing is changed then.
 */
export async function publishDraft(
  env: Env,
  bench: Bench,
  draft: Draft,
  judged: JudgedDraft,
  asked: AskedPublication,
): Promise<Published> {
  const { person, revision, base, note } = asked;
  const document = judged.read.value;
  if (draft.revision !== revision) {
    throw new PolicyRefusal("stale", "The draft was changed after you looked at it. Look again.");
  }
  if (document === null || judged.mistakes.length > 0) {
    throw new PolicyRefusal("mistaken", "The draft has mistakes. Correct them first.");
  }
  if (draft.base !== base || base !== bench.state.publication) {
    throw new PolicyRefusal(
      "stale",
      `Another policy was put in force after this draft was compared: version ${bench.state.version}. Look at the difference again.`,
    );
  }
  if (!isNote(note) || note.trim() === "") {
    throw new PolicyRefusal("mistaken", `Say why, in one line of at most ${NOTE_LENGTH} characters.`);
  }
  if (bench.policy.takesTwoToPublish && draft.authors.includes(person.id)) {
    throw new PolicyRefusal(
      "mistaken",
      "The policy takes two people to publish: a person who did not write in this draft.",
    );
  }
  if (!asked.sawOwnGains && listGains(judged.differences, person.role).length > 0) {
    throw new PolicyRefusal("mistaken", "Confirm that you have seen what your own role gains.");
  }
  const authorship = { by: nameAuthors(person.id, draft.authors), note: note.trim(), base };
  const published =
    draft.restores !== null && (await isVersion(bench, draft.restores, document))
      ? await publishVersion(bench.database, draft.restores, authorship)
      : await publishDocument(bench.database, document, authorship);
  await closeDraft(env.PLATFORM_DB, draft, published.publication);
  // As the command's notice: this isolate follows at once, subscribers are told, and the trail has it.
  await onPolicyObserved(env, await policyInForce(env, published.publication));
  return published;
}

/** Whether a version says what the draft says, which is what was shown and judged. */
async function isVersion({ database }: Bench, version: number, document: PolicyDocument): Promise<boolean> {
  const published = await readPublished(database, version);
  return canonicalize(published.document) === canonicalize(document);
}

function nameAuthors(publisher: string, authors: readonly string[]): string {
  const others = authors.filter((id) => id !== publisher).slice(0, MOST_AUTHORS);
  const written = others.length === 0 ? "" : `, written by ${others.join(" ")}`;
  return `/console/policy (${publisher}${written})`;
}
