import type { Hints, HintsOptions } from '../inspect/hints.js'
import type { LinePowers } from '../platform/line-powers.js'
import type { TabEnvironment } from '../platform/page.js'
import type { Report } from '../util/errors.js'
import type { Status } from '../wire/status.js'
import type { Line } from './line.js'
import type { PartylineOptions } from './options.js'
import type { SessionFactory } from './session.js'

declare const process: { env: { NODE_ENV?: string } }

type LoadHints = () => Promise<typeof import('../inspect/hints.js')>

/** Another browser's powers. It has no development hints, unless it brings the way to load them. */
export interface LineEnvironment extends TabEnvironment {
  readonly loadHints?: LoadHints
}

/** Tells the development hints what happens to a line. In production there are none, and the bundler drops all of this. */
export function startHints(
  environment: LineEnvironment | undefined,
  powers: LinePowers | undefined,
  options: Pick<PartylineOptions<never>, 'name' | 'socket'> & { readonly invalidates?: HintsOptions['invalidates'] },
  report: Report,
  status: () => Status,
): ReturnType<typeof createLineHints> | undefined {
  try {
    if (process.env.NODE_ENV !== 'production' && powers) {
      const load = environment ? environment.loadHints : () => import('../inspect/hints.js')
      const { name = '', invalidates = {}, socket = {} } = options
      const isConnected = () => status().name === 'connected'
      return load && createLineHints(load, powers, { report, name, invalidates, socket, isConnected })
    }
  } catch {
    // No bundler and no `process`: no hints.
  }
  return undefined
}

/** The hints are a chunk of its own. What happens before it is there waits for it; without it, nothing is amiss. */
function createLineHints(load: LoadHints, powers: LinePowers, options: Omit<HintsOptions, 'after' | 'look'>) {
  const hints = load().then(({ createHints }) =>
    createHints({ ...options, after: powers.timers.after, look: powers.chunks?.look }),
  )
  const tell = (what: (hints: Hints) => void) => void hints.then(what).catch(() => undefined)
  const report: Report = (code, message, given) => {
    options.report(code, message, given)
    tell((hints) => hints.heard(code, message, given?.detail))
  }
  return {
    report,
    watch: (rules: SessionFactory['rules']) => tell((hints) => hints.watch(rules)),
    mount:
      (mount: Line<unknown>['mount']): Line<unknown>['mount'] =>
      (options) => {
        tell((hints) => hints.mounted(options))
        const unmount = mount(options)
        let isMounted = true
        return () => {
          if (isMounted) tell((hints) => hints.unmounted(options.queryClient))
          isMounted = false
          unmount()
        }
      },
  }
}
