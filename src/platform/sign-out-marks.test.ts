import { afterEach, describe, expect, it, vi } from 'vitest'
import { createMemoryBrowser } from '../../test/browser.js'
import { createSignOutMarks, watchSignOuts } from './sign-out-marks.js'

afterEach(() => void vi.unstubAllGlobals())

/** A window with a storage that may refuse. */
function stubStorage(refuses: 'never' | 'getter' | 'write' = 'never') {
  const values = new Map<string, string>()
  const window = new EventTarget()
  const document = new EventTarget()
  const refusal = () => new DOMException('Access is denied.', 'SecurityError')
  const storage = {
    getItem: (name: string) => values.get(name) ?? null,
    setItem(name: string, value: string) {
      if (refuses === 'write') throw refusal()
      values.set(name, value)
    },
    removeItem: (name: string) => values.delete(name),
  }
  vi.stubGlobal('window', window)
  vi.stubGlobal('document', document)
  if (refuses === 'getter') {
    Object.defineProperty(globalThis, 'localStorage', {
      configurable: true,
      get() {
        throw refusal()
      },
    })
  } else vi.stubGlobal('localStorage', storage)
  const told = (name: string, newValue: string | null) =>
    window.dispatchEvent(Object.assign(new Event('storage'), { key: name, newValue }))
  return { values, told, window, document }
}

describe('the mark of a sign-out', () => {
  it('is kept in the storage, and told by its event', () => {
    const { values, told } = stubStorage()
    const marks = createSignOutMarks(createMemoryBrowser().tab().environment)
    const other = createSignOutMarks(createMemoryBrowser().tab().environment)
    const run = vi.fn()
    const stop = other.on('key', run)
    expect(marks.read('key')).toBeUndefined()
    marks.write('key')
    const mark = values.get('partyline/signed-out/key')
    expect([...values.keys()]).toEqual(['partyline/signed-out/key'])
    expect([marks.read('key'), other.read('key'), other.read('another')]).toEqual([mark, mark, undefined])
    told('partyline/signed-out/another', 'x')
    expect(run).not.toHaveBeenCalled()
    told('partyline/signed-out/key', mark ?? '')
    stop()
    told('partyline/signed-out/key', mark ?? '')
    expect(run).toHaveBeenCalledTimes(1)
    const before = marks.read('key')
    marks.write('key')
    expect(marks.read('key')).not.toBe(before)
  })

  it('is still known to who wrote it, or was told, when the app has cleared the storage', () => {
    const { values, told } = stubStorage()
    const marks = createSignOutMarks(createMemoryBrowser().tab().environment)
    const other = createSignOutMarks(createMemoryBrowser().tab().environment)
    other.on('key', () => undefined)
    marks.write('key')
    const mark = marks.read('key')
    values.clear()
    told('partyline/signed-out/key', mark ?? '')
    expect([marks.read('key'), other.read('key')]).toEqual([mark, mark])
  })

  it('is no other one because the app has cleared the storage', () => {
    const { values } = stubStorage()
    const browser = createMemoryBrowser()
    const marks = createSignOutMarks(browser.tab().environment)
    marks.write('key')
    // While nobody was mounted here.
    createSignOutMarks(browser.tab().environment).write('key')
    const watch = watchSignOuts(marks, 'key')
    values.clear()
    expect(watch.last()).toBe('before')
  })

  it.each(['getter', 'write'] as const)('is told over a channel where the storage refuses (%s)', async (refuses) => {
    stubStorage(refuses)
    const browser = createMemoryBrowser()
    const marks = createSignOutMarks(browser.tab().environment)
    const other = createSignOutMarks(browser.tab().environment)
    const run = vi.fn()
    const stop = other.on('key', run)
    marks.write('key')
    await Promise.resolve()
    expect(run).toHaveBeenCalledTimes(1)
    expect(other.read('key')).toBe(marks.read('key'))
    stop()
    expect(browser.channels.names()).toEqual([])
    if (refuses === 'getter') Reflect.deleteProperty(globalThis, 'localStorage')
  })

  it('is looked for when the page is back: it got no event while it was away', () => {
    const { window, document } = stubStorage()
    const run = vi.fn()
    const stop = createSignOutMarks(createMemoryBrowser().tab().environment).on('key', run)
    document.dispatchEvent(new Event('resume'))
    window.dispatchEvent(new Event('pageshow'))
    expect(run).toHaveBeenCalledTimes(2)
    stop()
    document.dispatchEvent(new Event('resume'))
    window.dispatchEvent(new Event('pageshow'))
    expect(run).toHaveBeenCalledTimes(2)
  })

  it('is told apart by a watch: from before its beginning, or since', () => {
    const { told } = stubStorage()
    const marks = createSignOutMarks(createMemoryBrowser().tab().environment)
    const first = watchSignOuts(marks, 'key')
    expect(first.last()).toBe('unknown')
    marks.write('another')
    expect(first.last()).toBe('unknown')
    first.mark()
    const second = watchSignOuts(marks, 'key')
    expect([first.last(), second.last()]).toEqual(['since', 'before'])
    const runs = [vi.fn(), vi.fn()]
    for (const run of runs) second.onMark(run)
    first.mark()
    told('partyline/signed-out/key', 'x')
    expect([second.last(), ...runs.map((run) => run.mock.calls.length)]).toEqual(['since', 0, 1])
    second.close()
    told('partyline/signed-out/key', 'y')
    expect(runs[1]).toHaveBeenCalledTimes(1)
  })

  it('throws nothing where there is neither', () => {
    stubStorage('write')
    const { environment } = createMemoryBrowser().tab()
    const openChannel = () => {
      throw new DOMException('The operation is insecure.', 'SecurityError')
    }
    const marks = createSignOutMarks({ ...environment, openChannel })
    marks.on('key', () => undefined)()
    marks.write('key')
    expect(marks.read('key')).toEqual(expect.any(String))
  })
})
