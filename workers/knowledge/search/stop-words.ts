const WORDS = `a about above after again all also am an and any are as at be because been before being below
between both but by can could did do does doing done down during each either else ever every few for from further
get had has have having he her here hers him his how i if in into is it its itself just let made make many may me
might more most much must my no nor not now of off on once only or other our ours out over own per please same
shall she should since so some such tell than that the their theirs them then there these they this those through
to too under until up upon us very was we were what when where whether which while who whom whose why will with
would you your yours s t d m ll re ve`;

/**
 * English function words, which do not show the topic of a query; also the tails of contractions (`don't`).
 */
export const STOP_WORDS: ReadonlySet<string> = new Set(WORDS.split(/\s+/));
