/** What `npm run prose` holds a sentence to. */

export const MAX_SENTENCE_WORDS = 30

export interface Turn {
  readonly pattern: RegExp
  readonly instead: string
  /** A sentence that it is for. */
  readonly such: string
}

/** Turns that a reader stumbles over, wherever they stand. */
export const WORDS: readonly Turn[] = [
  { pattern: /\banew\b/i, instead: 'again', such: 'The tab attaches anew.' },
  {
    pattern: /\b(is|are|was|were) (being )?looked at\b/i,
    instead: 'visible, or read',
    such: 'A tab that is looked at fetches.',
  },
  { pattern: /\bhas a rule\b/i, instead: 'is mapped', such: 'The query is fetched if it has a rule.' },
  { pattern: /\bwhilst\b/i, instead: 'while', such: 'It waits whilst a tab is open.' },
  {
    pattern: /\b(hence|thereof|therein|thereby|whereby|heretofore|thence)\b/i,
    instead: 'a plain word',
    such: 'Hence it refetches.',
  },
  { pattern: /\bupon\b/i, instead: 'on', such: 'Upon sign-out it ends.' },
  { pattern: /\bin order to\b/i, instead: 'to', such: 'It waits in order to spare the server.' },
  { pattern: /\butili[sz]e/i, instead: 'use', such: 'It utilises a lock.' },
  {
    pattern: /\b(simply|just|easily|obviously|of course)\b/i,
    instead: 'nothing: leave it out',
    such: 'You simply call it.',
  },
  {
    pattern: /;[^;]*;/,
    instead: 'full stops: no chain of clauses',
    such: 'One fetches; the others wait; a hidden one sleeps.',
  },
  { pattern: /\bas ever\b/i, instead: 'as usual', such: 'Every other tab fetches as ever.' },
  {
    pattern: /\bin the same breath\b/i,
    instead: 'a number with its unit',
    such: 'It skips queries that were set in the same breath.',
  },
]

/** A reader of the documentation, in an editor as well, stumbles over these too. */
export const TURNS: readonly Turn[] = [
  ...WORDS,
  {
    pattern: /\b(later and later|ever more slowly)\b/i,
    instead: 'after growing pauses',
    such: 'It tries again, later and later.',
  },
  { pattern: /\bfor good\b/i, instead: 'final', such: 'The refusal is for good.' },
  { pattern: /\bwhoever\b/i, instead: 'who it is', such: 'Whoever signs in next is asked.' },
  { pattern: /\b(hears?|heard)\b/i, instead: 'gets, or receives', such: 'The tab hears of it.' },
  { pattern: /;/, instead: 'a full stop: no chain of clauses', such: 'One fetches; the others wait.' },
]

const PROGRAM = '(?:hub|line|link|server|tab|window|browser|page|worker|leader|follower|owner|library|partyline)s?'

/** Of a type, a comment may say "What a line reports." A page needs a subject that has a name, and one that does what programs do. */
export const PAGE_TURNS: readonly Turn[] = [
  ...TURNS,
  {
    pattern: /^\W*What .*\.\W*$/,
    instead: 'a subject that has a name',
    such: 'What was said before the join was missed.',
  },
  {
    pattern:
      /^\W*(if|when|where|after|before|while|because|since)\b[^,]*, what \w+ [^,?]*\b(is|are|was|were|has|goes|stays)\b/i,
    instead: 'a subject that has a name',
    such: 'If it broke, what was on its way is lost.',
  },
  {
    pattern: /\bfor what\b(?! (has|is|your|an? |the |they|this))/i,
    instead: 'a noun',
    such: 'For what many users share, use topics.',
  },
  {
    pattern: new RegExp(
      `\\b${PROGRAM} (?:wants?|thinks?|believes?|forgets?|trusts?|hopes?|feels?|likes|believed|wanted|forgot|cares?)\\b`,
      'i',
    ),
    instead: 'a verb for what a program does',
    such: 'The hub wants it so.',
  },
  {
    pattern: /\b(queries|query|data|it is|are|is|still) in use\b/i,
    instead: 'active',
    such: 'It fetches the queries in use.',
  },
  {
    pattern: /\b(browsers?|hubs?|tabs?) (comes?|came) (back|again)\b|\bconnects? again\b/i,
    instead: 'reconnects',
    such: 'The browser comes back with other credentials.',
  },
  { pattern: /\bcounts? for nothing\b/i, instead: 'is ignored', such: 'Such an origin counts for nothing.' },
  { pattern: /\bsteps? down\b/i, instead: 'gives up the connection', such: 'A worker without tabs steps down.' },
  {
    pattern:
      /\b(one|two|three|half|a (tenth|seventh|third|quarter)) (to|of) (one and a half|a (tenth|seventh|third|quarter))\b|\bone and a half\b/i,
    instead: 'a number with its unit',
    such: 'One to one and a half minutes ahead of it, the hub asks.',
  },
]

const withoutQuotations = (text: string) => text.replace(/"[^"]+"/g, 'x')
export const wordsOf = (text: string): number =>
  withoutQuotations(text)
    .split(/\s+/)
    .filter((word) => /[\p{L}\p{N}]/u.test(word)).length

export function faultsOf(sentence: string, turns: readonly Turn[]): string[] {
  const ours = withoutQuotations(sentence)
  const words = wordsOf(sentence)
  const found = turns.flatMap(({ pattern, instead }) => {
    const [match] = pattern.exec(ours) ?? []
    return match ? [`"${match}": write ${instead}`] : []
  })
  if (words > MAX_SENTENCE_WORDS) found.push(`a sentence of ${words} words`)
  return found.map((fault) => `${fault}: "${sentence.slice(0, 400)}"`)
}
