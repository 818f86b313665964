import { type LinePowers, whenIdle } from '../platform/line-powers.js'
import { messageOf, type Report } from '../util/errors.js'
import { growingPause } from '../util/growing-pause.js'
import type { createEarlyWorkers } from './early-workers.js'
import type { MountedSession } from './mounts.js'
import type { SessionFactory } from './session.js'

const OPENING_PAUSE = { minMs: 1_000, maxMs: 60_000 }

/** The way of a mounted session to its link: its code, and the server's address. */
export interface Opening {
  /** Cuts a pause short. */
  retry(): void
  cancel(): void
}

/** Where there is no page. */
export const NOT_OPENED: Opening = { retry: () => undefined, cancel: () => undefined }

interface OpeningHandlers {
  /** Opens the session, or rejects. */
  attempt(): Promise<void>
  onFailed(reason: string): void
}

type OpeningState =
  | { readonly name: 'attempting' }
  | { readonly name: 'pausing'; readonly cancelPause: () => void }
  /** Opened, or no longer wanted. */
  | { readonly name: 'over' }

interface OpenerOptions {
  readonly powers: LinePowers
  readonly workers: ReturnType<typeof createEarlyWorkers>
  /** Loads the code of a session, and nothing else. */
  readonly preload: () => Promise<unknown>
  readonly loadFactory: (openSharedWorker: LinePowers['openSharedWorker']) => Promise<SessionFactory>
  readonly report: Report
  /** A session can't be opened yet. */
  readonly onFailed: (reason: string) => void
  readonly connect: (mounted: MountedSession, url: string, factory: SessionFactory) => void
}

/** Opens sessions: gets their code and the server's address first. */
export function createOpener(options: OpenerOptions) {
  const { powers, workers, preload, loadFactory, report, onFailed, connect } = options
  let loading: Promise<SessionFactory> | undefined
  /** The code could not be loaded, and has not been since. */
  let isReported = false

  function load(): Promise<SessionFactory> {
    loading ??= loadFactory(workers.open).catch((thrown: unknown) => {
      loading = undefined
      const message = `Partyline's own code could not be loaded: ${messageOf(thrown)}`
      if (!isReported) report('no-host', message, { cause: thrown })
      isReported = true
      throw thrown
    })
    return loading
  }

  async function attempt(mounted: MountedSession): Promise<void> {
    const factory = await load()
    isReported = false
    const url = await factory.askForUrl()
    if (mounted.state.name !== 'ended') connect(mounted, url, factory)
  }

  // Nobody should have to wait for the code at sign-in, and by then it may be gone.
  whenIdle(powers, () => void preload().catch(() => undefined))
  return {
    open(mounted: MountedSession): Opening {
      const endWorker = workers.start(mounted.identity)
      const { retry, cancel } = startOpening(powers, {
        // One that the session has not taken, because its key is another one by now, is nobody's.
        attempt: () => attempt(mounted).then(endWorker),
        onFailed(reason) {
          if (mounted.state.name === 'opening') onFailed(reason)
        },
      })
      return {
        retry,
        cancel() {
          endWorker()
          cancel()
        },
      }
    },
  }
}

/** Attempts to open a session until it is open, with growing pauses. */
function startOpening({ timers, random }: LinePowers, { attempt, onFailed }: OpeningHandlers): Opening {
  let state: OpeningState = { name: 'over' }
  let failures = 0
  const isOver = () => state.name === 'over'

  function run(): void {
    state = { name: 'attempting' }
    attempt().then(
      () => {
        state = { name: 'over' }
      },
      (thrown: unknown) => {
        if (isOver()) return
        const cancelPause = timers.after(growingPause(failures++, random, OPENING_PAUSE), run)
        state = { name: 'pausing', cancelPause }
        onFailed(messageOf(thrown))
      },
    )
  }

  run()
  return {
    retry() {
      if (state.name !== 'pausing') return
      state.cancelPause()
      run()
    },
    cancel() {
      if (state.name === 'pausing') state.cancelPause()
      state = { name: 'over' }
    },
  }
}
