/**
 * The devtools as a React component.
 * @module partyline/devtools/react
 */

'use client'

import { useEffect } from 'react'
import type { DevtoolsOptions, InspectedLine } from './inspected-line.js'
import { mountPartylineDevtools } from './mount.js'

export interface PartylineDevtoolsProps extends Omit<DevtoolsOptions, 'layout'> {
  readonly line: InspectedLine
}

declare const process: { env: { NODE_ENV?: string } }

function FloatingDevtools({ line, theme, corner, hotkey, isOpen }: PartylineDevtoolsProps): null {
  useEffect(
    () => mountPartylineDevtools(document.body, line, { theme, corner, hotkey, isOpen }),
    [line, theme, corner, hotkey, isOpen],
  )
  return null
}

/** A button in a corner of the window that opens the panel. In a production build it renders nothing, and none of its code is there. */
export const PartylineDevtools: (props: PartylineDevtoolsProps) => null =
  process.env.NODE_ENV === 'production' ? () => null : FloatingDevtools
