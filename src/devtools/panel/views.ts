import type { ComponentType } from 'preact'
import type { Inspection } from '../../inspect/inspection.js'
import { ConnectionView } from './connection-view.js'
import { ErrorsView } from './errors-view.js'
import { EventsView } from './events-view.js'
import { LineView } from './line-view.js'
import { QueriesView } from './queries-view.js'
import { RulesView } from './rules-view.js'
import { SimulateView } from './simulate-view.js'
import { SavingsView, TopicsView } from './small-views.js'
import type { ViewProps } from './store.js'
import { TabsView } from './tabs-view.js'

interface View {
  readonly title: string
  readonly content: ComponentType<ViewProps>
  /** What stands behind its name. */
  readonly count?: (inspection: Inspection) => number
  readonly isAlarming?: boolean
}

const VIEWS = {
  line: { title: 'Line', content: LineView },
  tabs: { title: 'Tabs', content: TabsView, count: ({ hub, status }) => hub?.tabs.length ?? status.tabs },
  events: { title: 'Events', content: EventsView },
  rules: { title: 'Rules', content: RulesView, count: ({ rules }) => rules.length },
  queries: { title: 'Queries', content: QueriesView, count: ({ queries }) => queries.length },
  connection: { title: 'Connection', content: ConnectionView },
  topics: { title: 'Topics', content: TopicsView, count: ({ topics }) => topics.length },
  errors: { title: 'Errors', content: ErrorsView, count: ({ errors }) => errors.length, isAlarming: true },
  savings: { title: 'Savings', content: SavingsView },
  simulate: { title: 'Simulate', content: SimulateView },
} satisfies Record<string, View>

export type ViewName = keyof typeof VIEWS

export const ALL_VIEWS = Object.entries(VIEWS) as unknown as readonly (readonly [ViewName, View])[]
