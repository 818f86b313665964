'use client'

import { createContext, useContext } from 'react'
import type { Line } from '../tab/line.js'

/** A line, whatever its events and what it sends. */
export type AnyLine = Omit<Line<unknown>, 'on' | 'send'>

export const LineContext = createContext<AnyLine | null>(null)

export function useLine(line: AnyLine | undefined): AnyLine {
  const around = useContext(LineContext)
  const found = line ?? around
  if (!found) throw new Error('[partyline] no line: give one, or render a PartylineProvider around this component')
  return found
}
