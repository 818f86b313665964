import { setTimeout as delay } from 'node:timers/promises'

/** One browser of whatever engine, as far as the smoke test needs it. */
export interface Driver {
  /** Engine and version, for the summary. */
  readonly version: string
  /** Opens a tab and waits until its page has loaded. Each is visible: a hidden tab would put off its fetches. */
  open(url: string): Promise<Tab>
  /** Ends the browser and all that was started for it. */
  quit(): Promise<void>
}

export interface Tab {
  /**
   * Calls the function in the page and gives its result, or that of its promise. The function is sent as source, its
   * arguments and its result as JSON.
   */
  evaluate<Args extends readonly unknown[], Answer>(
    run: (...args: Args) => Answer | Promise<Answer>,
    ...args: Args
  ): Promise<Answer>
  close(): Promise<void>
}

/** What an engine has to be able to do with a tab: run a script that ends in a string, and close. */
export interface RawTab {
  /** Evaluates an expression: a promise of a string. */
  run(expression: string): Promise<string>
  close(): Promise<void>
}

/** No single command takes long: after this time (ms) the browser counts as hung, and the test fails with a message. */
const COMMAND = 90_000

export function tabOf(raw: RawTab): Tab {
  return {
    async evaluate<Answer>(run: (...args: never) => Answer | Promise<Answer>, ...args: readonly unknown[]) {
      const call = `(${run})(...${JSON.stringify(args)})`
      const json = `Promise.resolve(${call}).then((answer) => JSON.stringify({ answer }))`
      const { answer } = JSON.parse(await within(COMMAND, 'a script in a tab', raw.run(json))) as { answer: Answer }
      return answer
    },
    close: () => within(COMMAND, 'closing a tab', raw.close()),
  }
}

/** The promise, or an error after so many ms. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  const over = new AbortController()
  const late = delay(ms, undefined, { signal: over.signal }).then(() => {
    throw new Error(`${what} took longer than ${ms} ms`)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    over.abort()
    late.catch(() => undefined)
  }
}
