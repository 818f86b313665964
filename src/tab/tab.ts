import { type CompiledRule, compileRule } from '../invalidation/rule.js'
import type { TabHubs } from '../link/rungs.js'
import { browserEnvironment, type TabEnvironment, type WorkerFactory } from '../platform/page.js'
import type { Report } from '../util/errors.js'
import { openSession, type Session, type SessionOptions } from './session.js'

interface TabOptions {
  /** Default: the real browser's powers. */
  readonly environment: TabEnvironment | undefined
  readonly worker: WorkerFactory | undefined
  readonly invalidates: Readonly<Record<string, unknown>>
  readonly report: Report
}

/** A tab's half of Partyline, with everything that one line's sessions have in common. */
export interface Tab {
  readonly rules: ReadonlyMap<string, CompiledRule>
  open(options: Omit<SessionOptions, 'environment' | 'rules' | 'hubs' | 'report'>): Session
}

/** A chunk of its own, loaded when somebody is signed in: until then a page has no use for it. */
export function createTab({ invalidates, report, ...options }: TabOptions): Tab {
  const environment = options.environment ?? browserEnvironment(options.worker)
  const hubs: TabHubs = new Map()
  const rules = new Map(Object.entries(invalidates).map(([event, rule]) => [event, compileRule(event, rule, report)]))
  return {
    rules,
    open: (session) =>
      openSession({ ...session, url: environment.page.resolveUrl(session.url), environment, rules, hubs, report }),
  }
}
