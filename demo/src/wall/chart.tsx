import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import { useStore } from '../store.js'
import { AVERAGE_MS, CHART_MS, type Sample, wall } from './state.js'

const HEIGHT = 132
const scheme = matchMedia('(prefers-color-scheme: dark)')
const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
const perSecond = (rate: number) => (rate >= 10 ? Math.round(rate) : Math.round(rate * 10) / 10)

function optionsFor(width: number): uPlot.Options {
  const axis = {
    stroke: colour('--ink-soft'),
    font: '11px Inter, system-ui, sans-serif',
    grid: { stroke: colour('--hairline'), width: 1 },
    ticks: { show: false },
  }
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 16, 0, 0],
    scales: {
      x: { time: false, range: [-CHART_MS / 1_000, 0] },
      y: { range: (_chart, _min, max) => [0, Math.max(5, max * 1.1)] },
    },
    axes: [
      {
        ...axis,
        size: 26,
        space: 60,
        incrs: [5, 10],
        values: (_chart, ticks) => ticks.map((tick) => (tick === 0 ? 'now' : `${tick} s`)),
      },
      { ...axis, size: 40, space: 32 },
    ],
    series: [
      {},
      // The left one is dashed, for those who can't tell the colours.
      { stroke: colour('--left'), width: 2, dash: [5, 3], points: { show: false } },
      { stroke: colour('--right'), width: 2.5, points: { show: false } },
    ],
  }
}

interface Rates {
  readonly atMs: number
  readonly left: number
  readonly right: number
}

/** Each moment's requests per second: since the last sample that is old enough for an average. */
function ratesOf(samples: readonly Sample[]): Rates[] {
  return samples.flatMap(({ atMs, left, right }, index) => {
    const before = samples.slice(0, index).reverse()
    const from = before.find((one) => atMs - one.atMs >= AVERAGE_MS) ?? before.at(-1)
    if (!from || from.atMs === atMs) return []
    const seconds = (atMs - from.atMs) / 1_000
    return [{ atMs, left: (left - from.left) / seconds, right: (right - from.right) / seconds }]
  })
}

function dataOf(samples: readonly Sample[]): uPlot.AlignedData {
  const rates = ratesOf(samples)
  const now = rates.at(-1)?.atMs ?? 0
  return [rates.map(({ atMs }) => (atMs - now) / 1_000), rates.map(({ left }) => left), rates.map(({ right }) => right)]
}

/** Requests per second of both halves over the last 30 seconds, on one axis. */
export function Chart() {
  const place = useRef<HTMLDivElement>(null)
  const { samples } = useStore(wall)
  const chart = useRef<uPlot>(undefined)

  useEffect(() => {
    const element = place.current
    if (!element) return
    const draw = () => {
      chart.current?.destroy()
      chart.current = new uPlot(optionsFor(element.clientWidth), dataOf(wall.get().samples), element)
    }
    draw()
    const observer = new ResizeObserver(() => {
      if (chart.current?.width !== element.clientWidth)
        chart.current?.setSize({ width: element.clientWidth, height: HEIGHT })
    })
    observer.observe(element)
    scheme.addEventListener('change', draw)
    return () => {
      observer.disconnect()
      scheme.removeEventListener('change', draw)
      chart.current?.destroy()
    }
  }, [])

  useEffect(() => chart.current?.setData(dataOf(samples)), [samples])

  const rates = ratesOf(samples)
  const last = rates.at(-1) ?? { left: 0, right: 0 }
  const largest = (half: 'left' | 'right') => perSecond(Math.max(0, ...rates.map((rate) => rate[half])))
  const label = `Requests per second over the last 30 seconds, at most: a socket in every tab ${largest('left')}, Partyline ${largest('right')}.`
  return (
    <section className="card chart" aria-labelledby="chart-title">
      <div className="chart-head">
        <h2 id="chart-title">Requests per second, last 30 s</h2>
        <ul className="legend" aria-hidden="true">
          <li data-half="left">
            A socket in every tab <b>{perSecond(last.left)}</b>
          </li>
          <li data-half="right">
            Partyline <b>{perSecond(last.right)}</b>
          </li>
        </ul>
      </div>
      <div ref={place} className="plot" role="img" aria-label={label} style={{ height: HEIGHT }} />
    </section>
  )
}
