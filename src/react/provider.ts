'use client'

import { createElement, type ReactNode } from 'react'
import { type AnyLine, LineContext } from './context.js'
import { type UsePartylineOptions, usePartyline } from './use-partyline.js'

export interface PartylineProviderProps extends UsePartylineOptions {
  readonly line: AnyLine
  readonly children?: ReactNode
}

/** `usePartyline` as a component. The components below it find the line for `usePartylineStatus`. */
export function PartylineProvider({ line, identity, auth, children }: PartylineProviderProps): ReactNode {
  usePartyline(line, { identity, auth })
  return createElement(LineContext.Provider, { value: line }, children)
}
