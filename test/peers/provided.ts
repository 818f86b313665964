import 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    /** Which versions of TanStack Query and React run: `newest`, or a folder of test/peers. */
    readonly peers: string
  }
}
