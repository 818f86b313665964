import type { QueryKey } from '@tanstack/react-query'

interface Version {
  readonly at: number
  readonly version: number
}

/** Before the tests begin, each entity has had so many versions, an hour apart. */
const FORMER_VERSIONS = 3
const HOUR_MS = 3_600_000

const wait = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms))

/** The entity that a query shows: `item0` for `['item', 0]`. */
export function entityOf([name, part]: QueryKey): string {
  if (part === undefined) return String(name)
  return `${String(name)}${typeof part === 'object' && part !== null ? JSON.stringify(part) : String(part)}`
}

/** The REST API and its data: each entity is a version, and what a query reads is the version that it was read at. */
export function createApi(now: () => number, takesMs: number) {
  const entities = new Map<string, Version[]>()
  const began = now()
  const state = { takesMs, isDown: false, fails: 0, hangs: 0, hasHung: false, reads: 0 }

  function versionsOf(entity: string): Version[] {
    let versions = entities.get(entity)
    if (!versions) {
      versions = Array.from({ length: FORMER_VERSIONS + 1 }, (_, version) => ({
        at: began - (FORMER_VERSIONS - version) * HOUR_MS,
        version,
      }))
      entities.set(entity, versions)
    }
    return versions
  }
  /** What the entity was at a moment; now by default. */
  function truth(queryKey: QueryKey, at = now()): string {
    const found = versionsOf(entityOf(queryKey))
      .filter((one) => one.at <= at)
      .at(-1)
    return `v${found?.version ?? 0}`
  }

  return {
    state,
    truth,
    change(changed: readonly string[]): void {
      for (const entity of changed) {
        const versions = versionsOf(entity)
        versions.push({ at: now(), version: (versions.at(-1)?.version ?? 0) + 1 })
      }
    },
    /** A request: it is answered by what the entity was halfway. */
    async read(queryKey: QueryKey, signal?: AbortSignal): Promise<string> {
      state.reads++
      let fails = state.isDown
      if (state.fails > 0) {
        state.fails--
        fails = true
      }
      if (state.hangs > 0) {
        state.hangs--
        state.hasHung = true
        return new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(new Error('aborted'))))
      }
      await wait(state.takesMs / 2)
      const value = truth(queryKey)
      await wait(state.takesMs / 2)
      if (fails) throw new Error('503')
      return value
    },
  }
}

export type Api = ReturnType<typeof createApi>
