/** @jsxImportSource preact */
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { DevtoolsOptions } from '../inspected-line.js'
import type { createMemory, Remembered } from './memory.js'
import { Dot, Empty } from './parts.js'
import { Resizer } from './resizer.js'
import type { PanelStore } from './store.js'
import { ALL_VIEWS, type ViewName } from './views.js'
import { countText, HOST_WORDS, STATUS_WORDS } from './words.js'

export interface ShellProps {
  readonly store: PanelStore
  readonly memory: ReturnType<typeof createMemory>
  readonly options: DevtoolsOptions
  readonly window: Window & typeof globalThis
}

const DEFAULT_HOTKEY = 'Alt+Shift+P'

const MODIFIERS = ['Alt', 'Control', 'Meta', 'Shift'] as const

/** Whether a key is the hotkey, such as `Alt+Shift+P`. By the key's place: with Alt, a Mac gives another letter. */
function isHotkey(event: KeyboardEvent, hotkey: string): boolean {
  const parts = hotkey.split('+').map((part) => (part.toLowerCase() === 'ctrl' ? 'Control' : part))
  const letter = parts.at(-1)?.toUpperCase() ?? ''
  const wanted = parts.slice(0, -1).map((part) => part.toLowerCase())
  const isPlace = event.code === `Key${letter}` || event.code === `Digit${letter}`
  return isPlace && MODIFIERS.every((name) => event.getModifierState(name) === wanted.includes(name.toLowerCase()))
}

/** The button, and the panel while it is open. */
export function Shell({ store, memory, options, window }: ShellProps) {
  const { layout = 'floating', corner = 'bottom-right', hotkey = DEFAULT_HOTKEY } = options
  const isInline = layout === 'inline'
  const [remembered, setRemembered] = useState(memory.now)
  const button = useRef<HTMLButtonElement>(null)
  const tone = useStatusTone(store)
  const theme = useTheme(options.theme ?? 'system', window)
  const isOpen = isInline || remembered.isOpen
  /** The panel takes the focus when the user opens it, and not when a page opens with it. */
  const takesFocus = useRef(false)

  const remember = useCallback(
    (change: Partial<Remembered>) => {
      memory.set(change)
      setRemembered(memory.now)
    },
    [memory],
  )

  const toggle = useCallback(
    (wanted: boolean) => {
      takesFocus.current = wanted
      remember({ isOpen: wanted })
    },
    [remember],
  )

  const wasOpen = useRef(isOpen)
  useLayoutEffect(() => {
    if (wasOpen.current && !isOpen) button.current?.focus()
    wasOpen.current = isOpen
  }, [isOpen])

  // As soon as the button is there, not after the next frame: who sees it may press the key already.
  useLayoutEffect(() => {
    if (isInline || hotkey === false) return
    const onKey = (event: KeyboardEvent) => {
      if (!isHotkey(event, hotkey)) return
      event.preventDefault()
      toggle(!memory.now.isOpen)
    }
    // While capturing: the panel keeps its own keys from the page.
    window.addEventListener('keydown', onKey, true)
    return () => window.removeEventListener('keydown', onKey, true)
  }, [isInline, hotkey, memory, toggle, window])

  return (
    <div class="root" data-theme={theme}>
      {!isInline && !isOpen && (
        <button
          ref={button}
          type="button"
          class={`opener ${corner}`}
          aria-expanded={false}
          title={hotkey === false ? 'Inspect the line' : `Inspect the line (${hotkey})`}
          onClick={() => toggle(true)}
        >
          <Dot tone={tone} />
          Partyline
        </button>
      )}
      {isOpen && (
        <OpenPanel
          store={store}
          window={window}
          isInline={isInline}
          remembered={remembered}
          remember={remember}
          takesFocus={takesFocus.current}
          onClose={isInline ? undefined : () => toggle(false)}
        />
      )}
    </div>
  )
}

interface OpenPanelProps {
  readonly store: PanelStore
  readonly window: Window & typeof globalThis
  readonly isInline: boolean
  readonly remembered: Readonly<Remembered>
  readonly remember: (change: Partial<Remembered>) => void
  readonly takesFocus: boolean
  readonly onClose: (() => void) | undefined
}

function OpenPanel({ store, window, isInline, remembered, remember, takesFocus, onClose }: OpenPanelProps) {
  const [, redraw] = useState(0)
  const [message, say] = useState('')
  const tabs = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const unsubscribe = store.subscribe(() => redraw(store.version))
    store.open()
    if (takesFocus) tabs.current?.querySelector<HTMLElement>('[aria-selected=true]')?.focus()
    return () => {
      unsubscribe()
      store.close()
    }
  }, [store, takesFocus])
  useFading(message, say, window)

  const { inspection, entries, failure } = store
  const chosen = ALL_VIEWS.find(([name]) => name === remembered.view) ?? (ALL_VIEWS[0] as (typeof ALL_VIEWS)[number])
  const [view, { title, content: Content }] = chosen
  const { dock, heightPx, widthPx } = remembered
  const size = dock === 'bottom' ? { height: `${heightPx}px` } : { width: `${widthPx}px` }

  return (
    <section
      class={isInline ? 'panel inline' : `panel ${dock}`}
      aria-label="Partyline devtools"
      style={isInline ? {} : size}
      onKeyDown={(event) => {
        if (event.key === 'Escape') onClose?.()
        // The page's own keys are not for who types here.
        event.stopPropagation()
      }}
    >
      {!isInline && (
        <Resizer dock={dock} px={dock === 'bottom' ? heightPx : widthPx} window={window} remember={remember} />
      )}
      <Header
        store={store}
        say={say}
        window={window}
        dock={isInline ? undefined : dock}
        remember={remember}
        onClose={onClose}
      />
      <div class="body">
        <ViewTabs ref_={tabs} store={store} view={view} onView={(next) => remember({ view: next })} />
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a keyboard scrolls what has the focus. */}
        <div class={`view ${view}`} id="view" role="tabpanel" aria-label={title} tabIndex={0}>
          {failure !== undefined && <p class="fault">The line did not answer: {failure}</p>}
          {inspection ? (
            // The key: what one user has chosen or typed is not the next one's.
            <Content
              key={inspection.identity ?? ''}
              inspection={inspection}
              entries={entries}
              store={store}
              say={say}
            />
          ) : (
            <Empty>Asking the line…</Empty>
          )}
        </div>
      </div>
      <p class={message ? 'toast' : 'toast unseen'} role="status">
        {message}
      </p>
    </section>
  )
}

interface HeaderProps {
  readonly store: PanelStore
  readonly say: (message: string) => void
  readonly window: Window & typeof globalThis
  readonly dock: Remembered['dock'] | undefined
  readonly remember: (change: Partial<Remembered>) => void
  readonly onClose: (() => void) | undefined
}

function Header({ store, say, window, dock, remember, onClose }: HeaderProps) {
  const { status } = store.line
  const { title, tone } = STATUS_WORDS[status.name]
  return (
    <header>
      <h2>Partyline</h2>
      {/* Only its own change is read out, not what changes every second. */}
      <span class={`pill ${tone}`} role="status">
        <Dot tone={tone} />
        {title}
      </span>
      <span class="dim host">{status.host && `${HOST_WORDS[status.host]}, ${countText(status.tabs, 'tab')}`}</span>
      <span class="right">
        <button type="button" onClick={() => void copyReport(store, window).then(say)}>
          Copy report
        </button>
        {dock && (
          <button type="button" class="dock" onClick={() => remember({ dock: dock === 'bottom' ? 'right' : 'bottom' })}>
            {dock === 'bottom' ? 'Dock right' : 'Dock below'}
          </button>
        )}
        {onClose && (
          <button type="button" class="plain" aria-label="Close" title="Close (Esc)" onClick={onClose}>
            ×
          </button>
        )}
      </span>
    </header>
  )
}

interface ViewTabsProps {
  readonly ref_: { current: HTMLDivElement | null }
  readonly store: PanelStore
  readonly view: ViewName
  readonly onView: (view: ViewName) => void
}

function ViewTabs({ ref_, store: { inspection }, view, onView }: ViewTabsProps) {
  const at = ALL_VIEWS.findIndex(([name]) => name === view)

  function onKeyDown(event: KeyboardEvent): void {
    const last = ALL_VIEWS.length - 1
    const previous = at === 0 ? last : at - 1
    const next = at === last ? 0 : at + 1
    const moves: Record<string, number> = { ArrowUp: previous, ArrowLeft: previous, ArrowDown: next, ArrowRight: next }
    const to = ALL_VIEWS[{ ...moves, Home: 0, End: last }[event.key] ?? -1]
    if (!to) return
    event.preventDefault()
    onView(to[0])
    ref_.current?.querySelector<HTMLElement>(`#tab-${to[0]}`)?.focus()
  }

  return (
    <div ref={ref_} class="nav" role="tablist" aria-label="Views" onKeyDown={onKeyDown}>
      {ALL_VIEWS.map(([name, { title, count, isAlarming }]) => {
        const shown = inspection && count?.(inspection)
        return (
          <button
            key={name}
            id={`tab-${name}`}
            type="button"
            role="tab"
            aria-selected={name === view}
            aria-controls="view"
            tabIndex={name === view ? 0 : -1}
            onClick={() => onView(name)}
          >
            {title}
            {shown ? <small class={isAlarming ? 'bad' : ''}>{shown}</small> : undefined}
          </button>
        )
      })}
    </div>
  )
}

const MESSAGE_MS = 4_000

function useFading(message: string, say: (message: string) => void, window: Window): void {
  useEffect(() => {
    if (message === '') return
    const timer = window.setTimeout(() => say(''), MESSAGE_MS)
    return () => window.clearTimeout(timer)
  }, [message, say, window])
}

function useStatusTone({ line }: PanelStore) {
  const [name, setName] = useState(line.status.name)
  useEffect(() => line.subscribe(() => setName(line.status.name)), [line])
  return STATUS_WORDS[name].tone
}

function useTheme(wanted: 'system' | 'light' | 'dark', window: Window): 'light' | 'dark' {
  const [isDark, setDark] = useState(() => window.matchMedia('(prefers-color-scheme: dark)').matches)
  useEffect(() => {
    const media = window.matchMedia('(prefers-color-scheme: dark)')
    const onChange = () => setDark(media.matches)
    media.addEventListener('change', onChange)
    return () => media.removeEventListener('change', onChange)
  }, [window])
  return wanted === 'system' ? (isDark ? 'dark' : 'light') : wanted
}

/** Copies all that is known, without credentials, which no record holds. Gives what to tell the user. */
async function copyReport(store: PanelStore, window: Window & typeof globalThis): Promise<string> {
  await store.ask()
  const { navigator } = window
  const records = store.entries.map(({ record }) => record).slice(-500)
  const report = JSON.stringify({ userAgent: navigator.userAgent, ...store.inspection, records }, bigintsAsText, 2)
  try {
    await navigator.clipboard.writeText(report)
    return 'The report is in the clipboard'
  } catch {
    // No clipboard on an insecure origin, or no leave for it.
    const url = window.URL.createObjectURL(new window.Blob([report], { type: 'application/json' }))
    const link = window.document.createElement('a')
    link.href = url
    link.download = 'partyline-report.json'
    link.click()
    window.URL.revokeObjectURL(url)
    return 'The report is in your downloads'
  }
}

/** A query key may hold what JSON does not. */
const bigintsAsText = (_name: string, value: unknown): unknown => (typeof value === 'bigint' ? `${value}n` : value)
