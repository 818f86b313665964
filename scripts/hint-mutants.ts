import type { Mutant } from './mutant.js'

const HINTS = 'src/inspect/hints.test.ts'
const RULE_HINTS = 'src/inspect/rule-hints.ts'

/** Faults in what development is told: hints that nobody gets, and hints that a healthy app gets. */
export const HINT_MUTANTS: readonly Mutant[] = [
  {
    name: 'what another rule is for is taken for what a rule means',
    by: HINTS,
    file: RULE_HINTS,
    find: '.filter(({ queryKey }) => !others.some((reached) => startsWith(queryKey, reached.queryKey)))',
    replace: '',
  },
  {
    name: 'a key with nearly the same word is meant, whatever it is of',
    by: HINTS,
    file: RULE_HINTS,
    find: 'const hasData = data.every((one) => found.includes(one))',
    replace: 'const hasData = found.length >= 0',
  },
  {
    name: 'a rule that has matched is still looked at',
    by: HINTS,
    file: RULE_HINTS,
    find: '    if (one.hasHit) return\n    // A query',
    replace: '    // A query',
  },
  {
    name: 'a rule that reached all of the cache once is told of',
    by: HINTS,
    file: RULE_HINTS,
    find: '++one.broad >= MIN_EVENTS',
    replace: '++one.broad >= 1',
  },
  {
    name: 'null is taken for an identity that was never given',
    by: HINTS,
    file: 'src/inspect/hints.ts',
    find: 'if (identity !== undefined) isIdentityMissing = false',
    replace: 'if (identity != null) isIdentityMissing = false',
  },
  {
    name: 'a former QueryClient is told of that nobody uses',
    by: HINTS,
    file: 'src/inspect/hints.ts',
    find: 'if (mountsOf.get(former) || count === 0) return',
    replace: 'if (mountsOf.get(former)) return',
  },
  {
    name: 'hints are loaded in production',
    by: 'src/tab/create-partyline.test.ts',
    file: 'src/tab/line-hints.ts',
    find: "process.env.NODE_ENV !== 'production'",
    replace: "process.env.NODE_ENV !== ''",
  },
  {
    name: 'what is told of a key as a list is told twice, in worse words',
    by: 'src/invalidation/rule.test.ts',
    file: 'src/invalidation/rule.ts',
    find: '        if (isSaid) continue\n',
    replace: '',
  },
  {
    name: 'what is told in development widens a rule’s reach no more',
    by: 'src/invalidation/rule.test.ts',
    file: 'src/invalidation/rule.ts',
    find: '      reach.include(found, metadata, isSaid)\n',
    replace: '      if (!isSaid) reach.include(found, metadata)\n',
  },
  {
    name: 'a former QueryClient is known only to the line that was mounted with it',
    by: HINTS,
    file: 'src/inspect/hints.ts',
    find: 'const former = lastClients.get(options.name)',
    replace: 'const former = client',
  },
  {
    name: 'a QueryClient that another line is mounted with is taken for a former one',
    by: HINTS,
    file: 'src/inspect/hints.ts',
    find: 'if (mountsOf.get(former) || count === 0) return',
    replace: 'if (count === 0) return',
  },
]
