'use client'

import { useEffect, useState } from 'react'
import type { TopicOptions, TopicState } from '../tab/topics.js'
import type { AnyLine } from './context.js'

const NOT_JOINED: TopicState = { name: 'away' }

/**
 * Joins a topic while the component is mounted, and gives its state. Components and tabs that use the same topic share it.
 * @param name - Null and undefined: none.
 */
export function useTopic(
  line: AnyLine,
  name: string | null | undefined,
  { queryKeys }: Pick<TopicOptions, 'queryKeys'> = {},
): TopicState {
  const [heard, setHeard] = useState<{ readonly name: string; readonly state: TopicState }>()
  // By value: a list that is created at every rendering is the same one.
  const keys = JSON.stringify(queryKeys)
  // biome-ignore lint/correctness/useExhaustiveDependencies: `keys` is `queryKeys` by value.
  useEffect(() => {
    if (name === null || name === undefined) return
    const leave = line.topic(name, { queryKeys, onState: (state) => setHeard({ name, state }) })
    return () => {
      leave()
      setHeard(undefined)
    }
  }, [line, name, keys])
  return heard && heard.name === name ? heard.state : NOT_JOINED
}
