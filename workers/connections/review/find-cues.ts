import type { Match } from "./find-instructions.ts";

/** Kinds of words that say little alone. Together, in one or two sentences, they address a model or carry data away. */
const CUES = {
  /** Speaks to the model, or of it. */
  reader: words(
    "assistants?|ai|llms?|language models?|chatbots?|copilot|the (?:ai )?(?:model|agent)|you (?:must|should|will|are|have to|shall)|your (?:reply|replies|answers?|responses?|next|own|output|reasoning|context|memory|system|training|task|job|duty)",
  ),
  /** Says that something has to be done. */
  duty: words(
    "must|always|never|mandatory|obligatory|essential|imperative|kindly|please|make sure|be sure|remember to|be certain|required to|has to|have to|prerequisite|at all times|without exception|first of all|will (?:only|not) work|won't work|will fail|in no case|under no circumstances|strictly",
  ),
  /** Wants something to stay unseen. */
  secrecy: words(
    "discreet(?:ly)?|quietly|secretly|privately|covertly|hide|conceal(?:ed|s)?|to (?:yourself|itself)|nobody|no one (?:sees|knows|notices|else)|behind the scenes|under the radar|unnoticed|invisibl[ey]|unseen|unmentioned|confidential(?:ly)?|say nothing|keep quiet|between us|no need to (?:tell|mention|ask|explain|say|show|confirm|report|trouble|bother)|(?:not|n't|never|without|avoid|no|omit|skip|hold back|leave out)\\b[^.]{0,20}\\b(?:mention|comment|remark|announce|notice|telling|tell|explain|disclos|reveal|report back|trouble|bother|acknowledg|narrat)\\w*|out of (?:the|your|its) (?:answer|reply|response|summary|sight)|(?:need|should|must|will|shall)(?:n't| not) (?:know|learn|hear|find out|notice|let|be (?:told|shown|aware|asked|informed|involved|bothered))",
  ),
  /** Something that is none of the tool's business. */
  data: words(
    "(?:last|previous|recent|earlier|past) (?:\\w+ )?(?:messages|turns|questions|answers|prompts)|everything (?:the|that|you)|(?:this|our|your|whole|entire|full|current|complete|ongoing) (?:conversation|chat|dialogue|discussion|thread)|(?:conversation|chat) (?:history|log|so far|text)|transcripts?|(?:said|written|typed|asked|discussed) (?:so far|before|earlier|until now|above)|so far|whole context|context window|credentials?|passwords?|passphrases?|secrets?|private keys?|api keys?|access tokens?|bearer|cookies?|session tokens?|environment variables?|env vars?|[A-Z]+_(?:KEY|TOKEN|SECRET)|\\.?(?:ssh|aws|env|netrc|npmrc|kube)\\b|id_rsa|mcp\\.json|dotfiles?|home (?:folder|directory)|keychain|wallet|seed phrase|system (?:message|prompt)|(?:initial|original|hidden) (?:instructions|prompt)|your instructions|(?:other|earlier|previous) tools?'?s? (?:results?|answers?|outputs?)|(?:person|user|customer|human)'s (?:question|prompt|words|request|messages?|files?|documents?|mails?|inbox|details|address|name|identity)|personal (?:data|details|information)",
  ),
  /** Moves something. */
  move: words(
    "send|sends|route|call|read|fetch|collect|gather|pass|include|includes|copy|forward|post|put|paste|write|append|attach|repeat|quote|restate|share|supply|hand over|report|mirror|embed|encode|fill|provide|give|relay|transmit|submit|upload|deliver|place|insert|add|save|store|summari[sz]e|reproduce",
  ),
  /** Where it would go. */
  destination:
    /https?:\/\/|[\w.+-]+@[\w-]+\.\w|\b(?:this|that|the following|here|our|an? (?:external|remote)) (?:parameter|argument|field|property|value|input|address|endpoint|server|url|link|inbox|mailbox|host)\b|\b(?:in|into) here\b/i,
  /** Tools besides this one. */
  others: words(
    "(?:any|every|all|each|no|the|an?) ?other (?:tools?|functions?|servers?|services?|integrations?|connectors?)|another (?:tool|function|server|service)|(?:any|all|every|each) (?:of (?:the|your) )?(?:available )?(?:tools?|functions?)",
  ),
  /** Reaches beyond the one call. */
  beyond: words(
    "(?:every|each|any|all) (?:(?:single|later|further|future|following|subsequent|new|of your) )?(?:calls?|answers?|repl(?:y|ies)|responses?|messages?|turns?|conversations?|sessions?|tasks?)|from now on|henceforth|hereafter|going forward|rest of (?:the|this|your) (?:conversation|session|chat|day)|at the (?:start|beginning|end) of (?:every|each|any|(?:the|your|this) (?:conversation|session|chat|answer|reply|response))|as (?:the|your) (?:very )?(?:first|last) (?:step|action|thing)|before (?:anything else|you (?:do|answer|reply|respond|continue))",
  ),
  /** The person for whom the model works. */
  person: words("(?:end[- ]?)?users?|persons?|people|humans?|customers?|operator"),
  /** A word that is written like the name of a tool. */
  name: /\b[a-z][a-z0-9]*_[a-z0-9_]+\b/,
  /** Talks a tool up, or another one down. */
  preference: words(
    "instead of|rather than|in (?:place|favou?r) of|prefer(?:red|s)?|supersedes?|replaces?|(?:more|most|only|solely) (?:trustworthy|trusted|reliable|accurate|secure|safe|official)|outdated|obsolete|deprecated|unreliable|untrustworthy|no longer (?:works?|safe|supported|trusted)|stop using|avoid using|not (?:use|rely|trust)",
  ),
} satisfies Record<string, RegExp>;

type Cue = keyof typeof CUES;

/** Cues that mean something together, and the rule's name. */
const COMBINATIONS: readonly (readonly [string, readonly Cue[]])[] = [
  ["keeps from the person", ["secrecy", "reader"]],
  ["keeps from the person", ["secrecy", "person"]],
  ["keeps from the person", ["secrecy", "data"]],
  ["keeps from the person", ["secrecy", "name"]],
  ["keeps from the person", ["secrecy", "beyond"]],
  ["keeps from the person", ["secrecy", "duty", "move"]],
  ["carries data out", ["data", "move", "destination"]],
  ["carries data out", ["data", "move", "duty"]],
  ["carries data out", ["data", "move", "beyond"]],
  ["carries data out", ["data", "move", "name"]],
  ["steers other tools", ["others", "preference"]],
  ["steers other tools", ["others", "duty", "move"]],
  ["steers other tools", ["beyond", "duty", "name"]],
  ["speaks to the model", ["reader", "duty", "beyond"]],
  ["speaks to the model", ["reader", "duty", "others"]],
  ["speaks to the model", ["reader", "data", "move"]],
];

/** Longest pair of sentences that is looked at, in characters. */
const LONGEST = 600;

/** Pairs of neighbouring sentences that hold one of {@link COMBINATIONS}, the first for each rule. */
export function findCues(text: string): Match[] {
  const sentences = text.split(/(?<=[.!?])\s+|\n+/).filter((sentence) => sentence.trim() !== "");
  const found = new Map<string, string>();
  for (const [at, sentence] of sentences.entries()) {
    const pair = `${sentence} ${sentences[at + 1] ?? ""}`.slice(0, LONGEST);
    for (const [rule, cues] of COMBINATIONS) {
      if (!found.has(rule) && cues.every((cue) => CUES[cue].test(pair))) found.set(rule, pair.slice(0, 160));
    }
  }
  return [...found].map(([rule, excerpt]) => ({ rule, excerpt }));
}

function words(alternatives: string): RegExp {
  return new RegExp(`\\b(?:${alternatives})\\b`, "i");
}
