import type { Mutant } from './mutants.js'

/** Faults in what the ledger knows of each query, owes it, and does about it. */
export const LEDGER_MUTANTS: readonly Mutant[] = []
