import { useQueryClient } from '@tanstack/vue-query'
import { type InjectionKey, inject, type MaybeRefOrGetter, onMounted, onUnmounted, provide, toValue, watch } from 'vue'
import type { AnyLine } from '../tab/line.js'
import type { MountOptions } from '../tab/mounts.js'

const KEY: InjectionKey<AnyLine> = Symbol('partyline')

export interface UsePartylineOptions {
  /** Who is signed in, as a value, a ref or a getter. Null, undefined and '' mean nobody: no socket is opened. */
  readonly identity: MaybeRefOrGetter<MountOptions['identity']>
  /** Called at every connection attempt. Call `line.retry()` when there are new credentials. Default: none are sent. */
  readonly auth?: MountOptions['auth']
}

/** From the component's mount to its unmount. A server mounts nothing. */
export function whileMounted(begin: () => () => void): void {
  let end: (() => void) | undefined
  onMounted(() => {
    end = begin()
  })
  onUnmounted(() => end?.())
}

export function useLine(line: AnyLine | undefined): AnyLine {
  const found = line ?? inject(KEY, undefined)
  if (!found) throw new Error('[partyline] no line: give one, or call providePartyline in a component above this one')
  return found
}

/** Connects a line while the component is mounted and somebody is signed in. Needs the `VueQueryPlugin`. */
export function usePartyline(line: AnyLine, { identity, auth }: UsePartylineOptions): void {
  const queryClient = useQueryClient()
  whileMounted(() =>
    watch(
      () => toValue(identity),
      (now, _before, onCleanup) => onCleanup(line.mount({ queryClient, identity: now, auth })),
      { immediate: true },
    ),
  )
}

/** `usePartyline`, and the components below this one find the line for `usePartylineStatus`. */
export function providePartyline(line: AnyLine, options: UsePartylineOptions): void {
  provide(KEY, line)
  usePartyline(line, options)
}
