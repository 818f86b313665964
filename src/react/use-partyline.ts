'use client'

import { useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import type { MountOptions } from '../tab/mounts.js'
import type { AnyLine } from './context.js'
import { useLatest } from './use-latest.js'

export interface UsePartylineOptions {
  /** Who is signed in. Null, undefined and '' mean nobody: no socket is opened. */
  readonly identity: MountOptions['identity']
  /**
   * Called at every connection attempt. The newest function is used, so it may close over props. A new function alone
   * makes no attempt: call `line.retry()` when there are new credentials.
   */
  readonly auth?: MountOptions['auth']
}

/** Connects a line while the component is mounted and somebody is signed in. Has to be below a `QueryClientProvider`. */
export function usePartyline(line: AnyLine, { identity, auth }: UsePartylineOptions): void {
  const queryClient = useQueryClient()
  const latest = useLatest(auth)
  useEffect(
    () =>
      line.mount({
        queryClient,
        identity,
        // A getter: the component may have none now and one later.
        get auth() {
          // What is no function is left for the line to tell of.
          return typeof latest.current === 'function' ? () => latest.current?.() : latest.current
        },
      }),
    [line, queryClient, identity, latest],
  )
}
