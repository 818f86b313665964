import { useQueryClient } from '@tanstack/svelte-query'
import { getContext, onMount, setContext } from 'svelte'
import { toStore } from 'svelte/store'
import type { AnyLine } from '../tab/line.js'
import type { MountOptions } from '../tab/mounts.js'

const KEY = Symbol('partyline')

/** A value, or a function that reads state: `() => user.id`. */
export type MaybeGetter<T> = T | (() => T)

export interface UsePartylineOptions {
  /** Who is signed in, as a value or a getter. Null, undefined and '' mean nobody: no socket is opened. */
  readonly identity: MaybeGetter<MountOptions['identity']>
  /** Called at every connection attempt. Call `line.retry()` when there are new credentials. Default: none are sent. */
  readonly auth?: MountOptions['auth']
  /** Default: the client of the `QueryClientProvider` around. Throws when there is neither. */
  readonly queryClient?: MountOptions['queryClient'] | undefined
}

export const access = <T>(value: MaybeGetter<T>): T => (typeof value === 'function' ? (value as () => T)() : value)

/** From the component's mount to its unmount, and again with each new value. A server begins nothing. */
export function whileMounted<T>(read: () => T, begin: (value: T) => (() => void) | undefined): void {
  const values = toStore(read)
  onMount(() => {
    let end: (() => void) | undefined
    const stop = values.subscribe((value) => {
      end?.()
      end = begin(value)
    })
    return () => {
      stop()
      end?.()
    }
  })
}

export function useLine(line: AnyLine | undefined): AnyLine {
  const found = line ?? getContext<AnyLine | undefined>(KEY)
  if (!found) throw new Error('[partyline] no line: give one, or call providePartyline in a component around this one')
  return found
}

/** Connects a line while the component is mounted and somebody is signed in. */
export function usePartyline(line: AnyLine, { identity, auth, queryClient: given }: UsePartylineOptions): void {
  const queryClient = given ?? useQueryClient()
  whileMounted(
    () => access(identity),
    (now) => line.mount({ queryClient, identity: now, auth }),
  )
}

/** `usePartyline`, and this component and those in it find the line for `usePartylineStatus`. */
export function providePartyline(line: AnyLine, options: UsePartylineOptions): void {
  setContext(KEY, line)
  usePartyline(line, options)
}
