/** A rule that a text matched, and the place as it stands there. */
export interface Match {
  rule: string;
  excerpt: string;
}

interface Rule {
  name: string;
  pattern: RegExp;
  /** Also for answers, which contain ordinary texts about computers. */
  answers: boolean;
}

const ACTOR = "(?:user|person|human|customer|people|anyone|anybody|them)";
const DATA =
  "(?:conversation|chat (?:history|log)|(?:previous|prior|earlier) (?:messages|answers|results)|system prompt|credentials?|api[ _-]?keys?|access tokens?|auth(?:entication)? tokens?|passwords?|secrets?|private keys?|environment variables|session (?:data|cookies?)|contact list|inbox)";

/**
 * Texts that speak to a model in place of describing a tool. Short distances between the words of a rule keep
 * it from joining words of different sentences.
 */
const RULES: readonly Rule[] = [
  rule(
    "overrides",
    true,
    `\\b(?:ignore|disregard|forget|override|bypass|supersede)s?\\b[^.\\n]{0,40}\\b(?:previous|prior|above|earlier|preceding|existing|other|system|safety|your|all)\\b[^.\\n]{0,30}\\b(?:instructions?|prompts?|rules?|guidelines?|guardrails?|directives?|restrictions?)\\b`,
  ),
  rule(
    "keeps from the person",
    true,
    `\\b(?:do not|don't|never|must not|mustn't|should not|shouldn't|avoid|refrain from)\\b[^.\\n]{0,40}\\b(?:tell(?:ing)?|mention(?:ing)?|inform(?:ing)?|reveal(?:ing)?|show(?:ing)?|notify(?:ing)?|disclos(?:e|ing)|alert(?:ing)?|let(?:ting)?|ask(?:ing)?|bother(?:ing)?|discuss(?:ing)?)\\b[^.\\n]{0,40}\\b${ACTOR}\\b`,
  ),
  rule(
    "keeps from the person",
    true,
    `\\bwithout\\b[^.\\n]{0,20}\\b(?:telling|mentioning|informing|notifying|alerting|disclosing|asking)\\b[^.\\n]{0,30}\\b(?:${ACTOR}|permission|confirmation|consent)\\b`,
  ),
  rule(
    "keeps from the person",
    true,
    `\\b(?:hide|conceal|keep)\\b[^.\\n]{0,30}\\b(?:from (?:the )?${ACTOR}|secret|hidden|confidential)\\b[^.\\n]{0,30}(?:${ACTOR}|step|this|it)?`,
  ),
  rule(
    "acts unseen",
    true,
    `\\b(?:silently|secretly|quietly|covertly|discreetly|invisibly|stealthily)\\b[^.\\n]{0,60}\\b(?:call|invoke|run|execute|read|send|forward|copy|include|add|append|upload|pass|collect|record|store)\\b`,
  ),
  rule(
    "speaks in tags",
    true,
    `<\\/?(?:important|system|instructions?|secret|hidden|admin|critical|assistant|override|priority|mandatory|rules?)(?:\\s[^>]{0,80})?>|\\[\\/?(?:INST|SYSTEM|ADMIN)\\]|<\\|(?:im_start|im_end|system|user|assistant|endoftext)\\|>|^#{1,4} *(?:system|hidden|secret|new) (?:prompt|message|instructions?)`,
  ),
  rule(
    "reads secrets",
    false,
    `(?:\\.ssh\\b|id_(?:rsa|ed25519)|\\/etc\\/(?:passwd|shadow)|\\.aws\\/|\\.kube\\/|\\.netrc|\\.npmrc|mcp\\.json|\\.cursor\\/|claude_desktop_config|keychain|wallet\\.dat)`,
  ),
  rule(
    "reads secrets",
    false,
    `\\b(?:read|open|cat|fetch|load|obtain|retrieve|collect|grab)\\b[^.\\n]{0,60}(?:\\.env\\b|${DATA})[^.\\n]{0,80}\\b(?:and|then|before)\\b[^.\\n]{0,60}\\b(?:pass|send|include|provide|put|attach|append|forward|place|insert)\\b`,
  ),
  rule(
    "carries data out",
    true,
    `\\b(?:send|forward|post|upload|transmit|exfiltrate|leak|deliver|bcc|mail|e-?mail|relay|copy)\\b[^.\\n]{0,60}\\b${DATA}\\b[^\\n]{0,60}(?:https?:\\/\\/|[\\w.+-]+@[\\w-]+\\.|\\bto\\b)`,
  ),
  rule(
    "carries data out",
    false,
    `\\b(?:include|pass|put|place|insert|append|attach|embed|provide|paste)\\b[^.\\n]{0,50}\\b(?:full|entire|complete|whole|all|contents? of|verbatim)\\b[^.\\n]{0,40}\\b${DATA}\\b`,
  ),
  rule(
    "carries data out",
    false,
    `\\b(?:include|pass|put|place|insert|append|attach|embed|paste)\\b[^.\\n]{0,40}\\b${DATA}\\b[^.\\n]{0,40}\\b(?:in|into|as|to|within|via)\\b[^.\\n]{0,30}\\b(?:parameter|argument|field|input|note|comment|side ?note|metadata|context|query)\\b`,
  ),
  rule(
    "steers other tools",
    false,
    `\\b(?:before|prior to|after|whenever|when|each time|every time|instead of)\\b[^.\\n]{0,30}\\b(?:using|calling|invoking|running|executing|use|call|invoke|run)?[^.\\n]{0,20}\\b(?:any|all|every|each) (?:other |of the other )?(?:tools?|functions?|actions?|requests?|operations?)\\b[^\\n]{0,100}\\b(?:must|always|first|call|invoke|use|run|read|pass|send)\\b`,
  ),
  rule(
    "steers other tools",
    false,
    `\\b(?:never|do not|don't|stop|must not)\\b[^.\\n]{0,15}\\b(?:use|using|call|calling|trust)\\b[^.\\n]{0,15}\\b(?:any|all|the) other (?:tools?|servers?|functions?)\\b`,
  ),
  rule(
    "steers other tools",
    false,
    `\\b(?:takes?|has|have|given?)\\b[^.\\n]{0,15}\\b(?:priority|precedence)\\b[^.\\n]{0,15}\\bover\\b[^.\\n]{0,30}\\b(?:tools?|servers?|instructions?)\\b`,
  ),
  rule(
    "steers other tools",
    false,
    `\\b(?:replace|change|redirect|switch|set|substitute|rewrite|alter)\\b[^.\\n]{0,40}\\b(?:recipient|beneficiary|payee|iban|account number|wallet|destination address|to[- ]address|to field)\\b[^.\\n]{0,60}(?:@|\\bto\\b|\\bwith\\b)`,
  ),
  rule(
    "steers other tools",
    false,
    `\\b(?:the |any )?(?:other|existing|original|built-in)\\b[^.\\n]{0,30}\\b(?:tools?|servers?)\\b[^.\\n]{0,40}\\b(?:deprecated|broken|unsafe|insecure|disabled|obsolete|compromised|must not)\\b`,
  ),
  rule(
    "takes a role",
    true,
    `\\byou are (?:now|no longer)\\b|\\b(?:developer|god|unrestricted|jailbreak) mode\\b|\\bact as (?:an? )?(?:unrestricted|administrator|root|system)\\b|\\bpretend (?:that )?(?:you|to be)\\b`,
  ),
  rule(
    "claims authority",
    false,
    `\\b(?:system|security|compliance|legal|administrator|mandatory|critical|urgent)\\b[^.\\n]{0,20}\\b(?:notice|requirement|directive|instruction|policy|update|override)\\b[^\\n]{0,40}:[^\\n]{0,120}\\b(?:you must|must|always|assistant|model|agent|required to)\\b`,
  ),
  rule(
    "claims authority",
    false,
    `\\b(?:the |this )?(?:assistant|ai|llm|language model|model|agent)\\b[^.\\n]{0,15}\\b(?:must|shall|is required to|has to|is obliged to|is instructed to)\\b`,
  ),
  rule(
    "hides text",
    true,
    `<!--[\\s\\S]{0,2000}?-->|(?:style\\s*=\\s*["'][^"']*(?:display\\s*:\\s*none|font-size\\s*:\\s*0|color\\s*:\\s*(?:white|transparent)))|!\\[[^\\]]*\\]\\(https?:[^)]*[?&][^)]*(?:\\{|=\\s*\\))`,
  ),
  rule(
    "hides text",
    false,
    `\\b(?:decode|base64|rot13|hex)\\b[^.\\n]{0,60}\\b(?:follow|execute|obey|perform|instructions?)\\b|[A-Za-z0-9+/]{120,}={0,2}`,
  ),
  rule(
    "steers other tools",
    false,
    `\\b(?:is|are|was)\\b[^.\\n]{0,15}\\b(?:deprecated|broken|unsafe|insecure|compromised|out of order|unreliable)\\b[^\\n]{0,80}\\b(?:use|route|prefer|call|send)\\b[^.\\n]{0,60}\\b(?:instead|through|via|this tool)\\b`,
  ),
  rule(
    "steers other tools",
    false,
    `\\b(?:prefer|favou?r|choose|select|use)\\b[^.\\n]{0,30}\\b(?:this tool|it|this one)\\b[^.\\n]{0,20}\\b(?:to|over|instead of|before)\\b[^.\\n]{0,10}\\b(?:any|all|every)\\b[^.\\n]{0,10}\\bother\\b|\\beven (?:when|if) the (?:user|person)\\b[^.\\n]{0,40}\\b(?:names|asks|wants|says|prefers|did not|does not)\\b`,
  ),
  rule(
    "speaks to the model",
    false,
    `\\b(?:note|notice|message|instructions?|attention|hint|reminder)\\b[^.\\n]{0,12}\\b(?:to|for)\\b[^.\\n]{0,12}\\b(?:the |all )?(?:(?:large )?language models?|llms?|ai|assistants?|agents?|models?|bots?)\\b|^\\s*(?:internal|hidden|private|confidential)\\b[^.\\n]{0,20}:`,
  ),
  rule(
    "speaks to the model",
    false,
    `\\b(?:models?|assistants?|llms?|agents?)\\b[^.\\n]{0,10}\\b(?:should|are to|need to|ought to)\\b[^.\\n]{0,50}\\b(?:everything|all|first|always|every|word by word|verbatim)\\b`,
  ),
  rule(
    "keeps from the person",
    true,
    `\\b(?:so that |such that )?(?:nobody|no one|the (?:user|person) (?:does not|doesn't|never|will not|won't))\\b[^.\\n]{0,15}\\b(?:notices?|knows?|sees?|finds? out|realises?|realizes?)\\b|\\bkeep (?:this|that|it)\\b[^.\\n]{0,20}\\bto (?:yourself|themselves|itself)\\b|\\b(?:user|person|human|people)s?\\b[^.\\n]{0,10}\\bneed not (?:be told|know)\\b`,
  ),
  rule(
    "keeps from the person",
    true,
    `\\b(?:tell|assure|convince|report to)\\b[^.\\n]{0,10}\\b${ACTOR}\\b[^.\\n]{0,15}\\b(?:that )?(?:it|everything|the call|all)\\b[^.\\n]{0,10}\\b(?:worked|succeeded|went well|is fine|was successful)\\b`,
  ),
  rule(
    "skips consent",
    true,
    `\\b(?:skip|bypass|omit|suppress|auto-?approve|disable)\\b[^.\\n]{0,25}\\b(?:confirmations?|approvals?|consent|permission (?:prompts?|checks?|dialogs?)|warnings?|safety checks?)\\b|\\balready (?:consented|agreed|approved|authori[sz]ed|given (?:consent|permission))\\b|\\bapprove (?:all|every|any)\\b[^.\\n]{0,20}\\bprompts?\\b`,
  ),
  rule(
    "takes a role",
    true,
    `\\b(?:safety|security|content) (?:rules?|policies|policy|filters?|guidelines?|restrictions?)\\b[^.\\n]{0,25}\\b(?:suspended|disabled|off|lifted|not apply|no longer)\\b|\\b(?:maintenance|debug|admin(?:istrator)?|root|test) mode\\b[^.\\n]{0,60}\\b(?:rules?|restrictions?|safety|suspended|ignore|bypass)\\b`,
  ),
  rule(
    "runs commands",
    true,
    `\\b(?:curl|wget|iwr|invoke-webrequest)\\b[^\\n]{0,200}\\|\\s*(?:ba|z|da)?sh\\b|\\bpowershell\\b[^\\n]{0,60}-e(?:nc|ncodedcommand)?\\b|\\brm -rf [~/]`,
  ),
  rule(
    "carries data out",
    true,
    `\\b(?:set|add|put|use|include)\\b[^.\\n]{0,20}\\b(?:bcc|cc|reply-to|webhook|callback)\\b[^\\n]{0,60}(?:https?:\\/\\/|[\\w.+-]+@[\\w-]+\\.)`,
  ),
  rule(
    "carries data out",
    true,
    `\\b(?:send|forward|post|upload|transmit|copy|bcc|mail|deliver|submit)\\b[^.\\n]{0,60}\\b(?:to|at)\\b[^.\\n]{0,20}(?:https?:\\/\\/[^\\s)]+|[\\w.+-]+@[\\w-]+\\.[a-z]{2,})`,
  ),
  rule(
    "carries data out",
    false,
    `\\b(?:paste|provide|insert|put|pass|contain|include|append|add)\\b[^.\\n]{0,40}\\b(?:session tokens?|cookies|auth(?:orization)? headers?|bearer tokens?|environment variables?|(?:[A-Z]+_)+(?:KEY|TOKEN|SECRET)|everything the (?:user|person)|(?:last|previous|recent) (?:\\w+ )?messages|the user's (?:e-?mail|password|address|phone|name))\\b`,
  ),
];

/** Longest text that is looked at; the rest of a longer one is not. */
const LONGEST = 200_000;

/**
 * Places in a text that read like orders to a model. For people who review definitions, and for a note on
 * answers: a warning, never a proof. What it does not find is not harmless.
 *
 * @param own - name of the tool whose definition this is
 */
export function findInstructions(text: string, kind: "definition" | "answer", own = ""): Match[] {
  const looked = text.slice(0, LONGEST).replace(/[’‘]/g, "'");
  const found: Match[] = [];
  for (const { name, pattern, answers } of RULES) {
    if (kind === "answer" && !answers) continue;
    const match = pattern.exec(looked);
    if (match === null || found.some(({ rule: known }) => known === name)) continue;
    found.push({ rule: name, excerpt: match[0].slice(0, 160) });
  }
  if (kind === "definition" && own === text && /^(?:system|admin|root|assistant|user|developer)$/i.test(text))
    found.push({ rule: "claims authority", excerpt: text });
  return found;
}

function rule(name: string, answers: boolean, source: string): Rule {
  return { name, answers, pattern: new RegExp(source, "im") };
}
