/** @jsxImportSource preact */
import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { QueryKey } from '../../invalidation/target.js'
import { type Tone, valueText } from './words.js'

export const Dot = ({ tone }: { readonly tone: Tone }) => <span class={`dot ${tone}`} aria-hidden="true" />

export const Badge = ({ tone = 'calm', children }: { readonly tone?: Tone; readonly children: ComponentChildren }) => (
  <span class={`badge ${tone}`}>{children}</span>
)

export const Key = ({ value }: { readonly value: QueryKey }) => (
  <code>{value.length === 0 ? 'every query' : valueText(value)}</code>
)

export const Keys = ({ keys }: { readonly keys: readonly QueryKey[] }) => (
  <span class="keys">
    {keys.length === 0 && 'no query'}
    {keys.map((key) => (
      <Key key={valueText(key)} value={key} />
    ))}
  </span>
)

export const Empty = ({ children }: { readonly children: ComponentChildren }) => <p class="empty">{children}</p>

export const Section = ({ title, children }: { readonly title: string; readonly children: ComponentChildren }) => (
  <section>
    <h3>{title}</h3>
    {children}
  </section>
)

/** Terms and what they are. An entry without a value is left out. */
export function Facts({ facts }: { readonly facts: readonly (readonly [name: string, value: ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {facts
        .filter(([, value]) => value !== undefined && value !== null && value !== false && value !== '')
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  )
}

interface Column<Row> {
  readonly title: string
  readonly cell: (row: Row) => ComponentChildren
  readonly isNumber?: boolean
}

/** A table is drawn again every second: one with ten thousand rows would stop the page. */
const MAX_TABLE_ROWS = 200

/** A table that scrolls sideways by itself where it is too wide. It shows the first rows of many. */
export function Table<Row>(props: {
  readonly label: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string
}) {
  const { label, columns, rows, keyOf } = props
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a keyboard scrolls what has the focus.
    <section class="table" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map(({ title, isNumber }) => (
              <th key={title} scope="col" class={isNumber ? 'number' : undefined}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, MAX_TABLE_ROWS).map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ title, cell, isNumber }) => (
                <td key={title} class={isNumber ? 'number' : undefined}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > MAX_TABLE_ROWS && <p class="dim">{(rows.length - MAX_TABLE_ROWS).toLocaleString('en')} more</p>}
    </section>
  )
}

/** Rows that are drawn beyond the visible ones, so that a fast scroll shows no blank. */
const EXTRA_ROWS = 8

/** A list of rows of one height, of which only the visible ones are drawn. The arrow keys move the selection. */
export function VirtualList<Row>(props: {
  readonly label: string
  readonly rows: readonly Row[]
  readonly rowPx: number
  readonly idOf: (row: Row) => number
  readonly selected: number | undefined
  readonly onSelect: (row: Row) => void
  readonly draw: (row: Row) => ComponentChildren
}) {
  const { label, rows, rowPx, idOf, selected, onSelect, draw } = props
  const list = useRef<HTMLDivElement>(null)
  const [scroll, setScroll] = useState({ top: 0, height: 600 })
  const newest = useRef<number | undefined>(undefined)

  const measure = () => {
    const { scrollTop, clientHeight } = list.current as HTMLDivElement
    if (scrollTop !== scroll.top || clientHeight !== scroll.height) setScroll({ top: scrollTop, height: clientHeight })
  }

  // Rows come on top: who has scrolled down goes on reading the same ones.
  useLayoutEffect(() => {
    const element = list.current as HTMLDivElement
    const before = newest.current
    newest.current = rows[0] && idOf(rows[0])
    if (before !== undefined && element.scrollTop > 0) {
      const added = rows.findIndex((row) => idOf(row) === before)
      if (added > 0) element.scrollTop += added * rowPx
    }
    measure()
  })

  const at = rows.findIndex((row) => idOf(row) === selected)

  function select(index: number): void {
    const row = rows[Math.max(0, Math.min(rows.length - 1, index))]
    const element = list.current as HTMLDivElement
    if (!row) return
    onSelect(row)
    const top = rows.indexOf(row) * rowPx
    if (top < element.scrollTop) element.scrollTop = top
    else if (top + rowPx > element.scrollTop + element.clientHeight)
      element.scrollTop = top + rowPx - element.clientHeight
  }

  function onKeyDown(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(scroll.height / rowPx) - 1)
    const moves: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page }
    const to = { ...moves, Home: 0, End: rows.length - 1 }[event.key]
    if (to === undefined) return
    event.preventDefault()
    select(to)
  }

  const first = Math.max(0, Math.floor(scroll.top / rowPx) - EXTRA_ROWS)
  const last = Math.min(rows.length, Math.ceil((scroll.top + scroll.height) / rowPx) + EXTRA_ROWS)
  const isDrawn = at >= first && at < last
  return (
    <div
      ref={list}
      class="list"
      role="listbox"
      aria-label={label}
      aria-activedescendant={isDrawn ? `row-${selected}` : undefined}
      tabIndex={0}
      onScroll={measure}
      onKeyDown={onKeyDown}
    >
      <div role="presentation" class="tall" style={{ height: `${rows.length * rowPx}px` }}>
        {rows.slice(first, last).map((row, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the list itself has the focus and the keys.
          // biome-ignore lint/a11y/useFocusableInteractive: the list's aria-activedescendant names it.
          <div
            key={idOf(row)}
            id={`row-${idOf(row)}`}
            role="option"
            class="row"
            aria-selected={idOf(row) === selected}
            aria-setsize={rows.length}
            aria-posinset={first + index + 1}
            style={{ transform: `translateY(${(first + index) * rowPx}px)`, height: `${rowPx}px` }}
            onClick={() => onSelect(row)}
          >
            {draw(row)}
          </div>
        ))}
      </div>
    </div>
  )
}
