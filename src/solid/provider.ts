import { useQueryClient } from '@tanstack/solid-query'
import {
  type Accessor,
  createComponent,
  createContext,
  createEffect,
  createMemo,
  type JSX,
  onCleanup,
  type ParentProps,
  untrack,
  useContext,
} from 'solid-js'
import type { AnyLine } from '../tab/line.js'
import type { MountOptions } from '../tab/mounts.js'

const LineContext = createContext<AnyLine>()

export interface UsePartylineOptions {
  /** Who is signed in. Null, undefined and '' mean nobody: no socket is opened. */
  readonly identity: MountOptions['identity']
  /**
   * Called at every connection attempt. The newest function is used. Another function alone makes no attempt: call
   * `line.retry()` when there are new credentials. Default: none are sent.
   */
  readonly auth?: MountOptions['auth']
}

export function useLine(line: AnyLine | undefined): AnyLine {
  const found = line ?? useContext(LineContext)
  if (!found) throw new Error('[partyline] no line: give one, or render a PartylineProvider around this component')
  return found
}

/** Connects a line while the component is mounted and somebody is signed in. Has to be below a `QueryClientProvider`. */
export function usePartyline(line: AnyLine, options: Accessor<UsePartylineOptions>): void {
  const queryClient = useQueryClient()
  const identity = createMemo(() => options().identity)
  // An effect does not run on a server.
  createEffect(() => {
    const unmount = line.mount({
      queryClient,
      identity: identity(),
      // A getter: there may be none now and one later.
      get auth() {
        return untrack(options).auth
      },
    })
    onCleanup(unmount)
  })
}

export interface PartylineProviderProps extends ParentProps, UsePartylineOptions {
  readonly line: AnyLine
}

/** `usePartyline` as a component. The components below it find the line for `usePartylineStatus`. */
export function PartylineProvider(props: PartylineProviderProps): JSX.Element {
  usePartyline(props.line, () => props)
  return createComponent(LineContext.Provider, {
    value: props.line,
    get children() {
      return props.children
    },
  })
}
