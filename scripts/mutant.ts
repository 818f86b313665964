/** One fault in the library, and what has to find it. */
export interface Mutant {
  readonly name: string
  /** The simulation, or unit tests: a file or a folder of them. */
  readonly by: 'simulation' | `src/${string}` | `test/freshness${string}`
  /**
   * The newer parts of the simulation that can find it (test/simulation/faults.ts): played alone, it is found sooner.
   * @default all
   */
  readonly parts?: readonly string[]
  readonly file: string
  /** Stands there exactly once. */
  readonly find: string
  readonly replace: string
}
