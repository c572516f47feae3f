/**
 * What people say when they decide, promise or ask. Rules, not understanding: a rule that is in doubt stays
 * silent. English first; the most usual forms of German, French and Spanish.
 */

/** A phrase between word ends, in any letter case; apostrophes are straight. */
const phrase = (source: string): RegExp => new RegExp(`(?<![\\p{L}\\p{N}'])(?:${source})(?![\\p{L}\\p{N}])`, 'iu')

const WE_HAVE = "we(?:'ve| have)?(?: all| both| now| just)?"
const DECISION = phrase(
  [
    `${WE_HAVE} (?:decided|agreed|chosen|chose|settled on|concluded|approved)`,
    "let(?:'s| us) (?:go with|go for|stick with|settle on|agree (?:on|that|to))",
    "(?:the|our) (?:final )?decision (?:is|was)|(?:it's|it is|that's|that is) (?:decided|agreed|settled)",
    "we(?:'ll| will| are going to|'re going to) (?:go with|go for|stick with|adopt|choose|move (?:to|ahead with)|ship|launch|use|keep)",
    'agreed (?:to|on|that)|everybody agreed|everyone agreed|we have a decision',
    'wir haben (?:uns )?(?:[\\p{L} ]{0,40} )?(?:beschlossen|entschieden|vereinbart|geeinigt)|wir einigen uns|die entscheidung ist',
    'nous avons décidé|on a décidé|nous sommes convenus|on est d.accord|la décision est',
    'hemos (?:decidido|acordado)|decidimos|acordamos|quedamos en|la decisión es',
  ].join('|'),
)
const UNDECIDED = phrase(
  [
    "(?:n't|not|never|nothing|yet to|should|could|might|if|whether|until|unless|before|once|what|when|why|how)(?: [\\p{L}']+){0,4} (?:decided|decide|agreed|agree|settled|chosen|chose|approved|concluded)",
    'nicht (?:beschlossen|entschieden|vereinbart)|pas (?:encore )?décidé|no hemos (?:decidido|acordado)',
  ].join('|'),
)

/** `n't` hangs on a word, so it is looked for apart. */
const NOT_CONTRACTED = /n't(?: [\p{L}']+){0,3} (?:decided|decide|agreed|agree|settled|chosen|chose|approved|concluded)/iu

const PROMISE = phrase(
  [
    "(?:I'll|I will|I shall|I am going to|I'm going to)(?! (?:not|never|be (?:late|there|here|back|away|out|right)|see you|say|tell you what|admit|miss))",
    'I can (?:take|do|handle|own|look into|write|send|prepare|check)|let me (?:take|handle|own|look into|write|send|prepare|check)',
    "ich (?:werde|übernehme|kümmere mich|schicke|schreibe)(?! nicht)|je (?:vais|m'occupe|m'en occupe|me charge)(?! (?:bien|mal|pas))|(?:voy a|me encargo|yo me ocupo)",
  ].join('|'),
)
/** What makes of "I will" no promise: doubt before it in the same clause. */
const DOUBTED_PROMISE =
  /(?:n't|\b(?:not|never|doubt|whether|if|asked|wonder|said|says|told))\b[^,;:]{0,60}\b(?:I'll|I will|I'm going to|I am going to|I shall)\b/iu

const REQUEST = phrase(
  [
    '(?:can|could|would|will) you(?! (?:hear|see|believe|imagine|say that again|repeat|tell me why))(?: please)?|please(?! (?:go ahead|wait|hold on))',
    '(?:kannst du|könntest du|können Sie|könnten Sie|bitte)|(?:peux-tu|pouvez-vous|pourrais-tu|pourriez-vous|s.il (?:te|vous) plaît)|(?:puedes|podrías|puede usted|podría|por favor)',
  ].join('|'),
)
const SHARED_DUTY = phrase(
  'we (?:need to|have to|must|still need to)|(?:someone|somebody|one of us) (?:should|needs to|has to|must|will)|action item|to ?do:|wir müssen|il faut|tenemos que|hay que',
)
const DEADLINE = phrase(
  'by (?:the end of|close of business|monday|tuesday|wednesday|thursday|friday|saturday|sunday|tomorrow|tonight|noon|next (?:week|month|monday|tuesday|wednesday|thursday|friday)|january|february|march|april|may|june|july|august|september|october|november|december|eod|eow)' +
    "|bis (?:montag|dienstag|mittwoch|donnerstag|freitag|morgen|ende)|d'ici (?:lundi|mardi|mercredi|jeudi|vendredi|demain)|para el (?:lunes|martes|miércoles|jueves|viernes)",
)
const COURTESY = phrase(
  "how are you|how is it going|how's it going|can you hear|can you see|are you there|right|okay|ok|shall we (?:start|begin)|any (?:questions|other questions|thoughts)|anything else|what do you mean|is that clear|make(?:s)? sense|you know|isn't it|don't you",
)
const NO_ANSWER = phrase(
  "(?:don't|do not|doesn't) (?:know|remember)|not sure|no idea|good question|(?:come|get) back to|find out|let me check|take (?:that|it) offline|later|open question|unclear|weiß nicht|keine ahnung|je ne sais pas|no (?:lo )?sé",
)

const straight = (text: string): string => text.replaceAll('’', "'")

export const isQuestion = (text: string): boolean => /[?？؟][\s"'”»)]*$/u.test(text)

/** A decision is stated, not asked for, wished or denied. */
export function isDecision(raw: string): boolean {
  const text = straight(raw)
  return DECISION.test(text) && !isQuestion(text) && !UNDECIDED.test(text) && !NOT_CONTRACTED.test(text)
}

/** The speaker takes something on. */
export function isPromise(raw: string): boolean {
  const text = straight(raw)
  return !isQuestion(text) && PROMISE.test(text) && !DOUBTED_PROMISE.test(text)
}

/** Somebody is asked to do something. */
export const isRequest = (raw: string): boolean => REQUEST.test(straight(raw))

/** Something is to be done, by whom is not said. */
export function isDuty(raw: string): boolean {
  const text = straight(raw)
  return !isQuestion(text) && (SHARED_DUTY.test(text) || DEADLINE.test(text))
}

/** A question for its own sake, of more than a courtesy. */
export const isRealQuestion = (raw: string, words: number): boolean =>
  isQuestion(raw) && words >= 3 && !(words <= 6 && COURTESY.test(straight(raw)))

/** A reply that leaves the question open. */
export const leavesOpen = (raw: string): boolean => isQuestion(raw) || NO_ANSWER.test(straight(raw))

const PLEASANTRY =
  /^(?:good (?:morning|afternoon|evening)|hello|hi|hey|welcome|thanks?|thank you|see you|bye|goodbye|guten (?:morgen|tag)|danke|bonjour|merci|hola|gracias)\b/i

/** Whether a sentence greets, thanks or says goodbye. */
export const isPleasantry = (text: string): boolean => PLEASANTRY.test(text)
