/** The localStorage of one browser: pages read and write it at once, and each write is an event in all other pages. */
export function createSimulatedStorage() {
  const values = new Map<string, string>()
  const listeners = new Map<string, Set<{ readonly owner: string; readonly run: () => void }>>()

  return {
    values,
    /** One page's access. `carry` takes an event to it. */
    client: (owner: string, carry: (run: () => void) => void) => ({
      read: (key: string) => values.get(key),
      write(key: string, value: string): void {
        values.set(key, value)
        for (const listener of [...(listeners.get(key) ?? [])]) if (listener.owner !== owner) listener.run()
      },
      on(key: string, run: () => void): () => void {
        const all = listeners.get(key) ?? new Set()
        let isOn = true
        const listener = {
          owner,
          run: () =>
            carry(() => {
              if (isOn) run()
            }),
        }
        listeners.set(key, all.add(listener))
        return () => {
          isOn = false
          all.delete(listener)
        }
      },
      /** How many of the page's listeners are left. */
      listenerCount: () =>
        [...listeners.values()].flatMap((all) => [...all]).filter((one) => one.owner === owner).length,
    }),
  }
}

export type SimulatedStorage = ReturnType<typeof createSimulatedStorage>
