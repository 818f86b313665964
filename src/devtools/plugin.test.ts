import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { InspectedLine } from './inspected-line.js'
import { mountPartylineDevtools } from './mount.js'
import { partylineDevtoolsPlugin } from './plugin.js'

const unmount = vi.hoisted(() => vi.fn())
vi.mock('./mount.js', () => ({ mountPartylineDevtools: vi.fn(() => unmount) }))

const line = {} as InspectedLine
const [one, another] = [{}, {}] as [HTMLElement, HTMLElement]

describe('the plugin for TanStack Devtools', () => {
  beforeEach(() => vi.clearAllMocks())

  it('mounts once in an element, and again for another element or theme', () => {
    const { render } = partylineDevtoolsPlugin(line)
    render(one, { theme: 'light' })
    render(one, { theme: 'light' })
    expect(mountPartylineDevtools).toHaveBeenCalledExactlyOnceWith(one, line, { layout: 'inline', theme: 'light' })
    render(one, 'dark')
    render(another, 'dark')
    expect(mountPartylineDevtools).toHaveBeenCalledTimes(3)
    expect(unmount).toHaveBeenCalledTimes(2)
  })

  it('ends with its destruction, and can begin again', () => {
    const { render, destroy } = partylineDevtoolsPlugin(line)
    render(one, 'dark')
    destroy()
    destroy()
    expect(unmount).toHaveBeenCalledTimes(1)
    render(one, 'dark')
    expect(mountPartylineDevtools).toHaveBeenCalledTimes(2)
  })
})
