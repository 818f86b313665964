import type { RecordedOptions, RecorderContext, TopicView } from '../inspect/context.js'
import type { Recorder } from '../inspect/recorder.js'
import type { LoadChunk } from '../platform/line-powers.js'
import { isDebugging } from '../platform/page-view.js'
import { messageOf } from '../util/errors.js'
import { createListeners } from '../util/listeners.js'
import type { CredentialsAnswer, EventPair } from '../wire/protocol.js'
import type { Line } from './line.js'

declare const process: { env: { NODE_ENV?: string } }

/** What a line has for its recorder. Powers are undefined where there is no page. */
type InspectorOptions = Omit<RecorderContext, 'powers' | 'loadChunk' | 'createListeners' | keyof RecordedOptions> & {
  readonly powers: RecorderContext['powers'] | undefined
  readonly loadChunk: LoadChunk | undefined
}

/** Loads the recorder of a line when somebody asks for it, and no sooner. */
export function createInspector(options: RecordedOptions, given: InspectorOptions) {
  const { powers, loadChunk, errors } = given
  let recorder: Recorder | undefined
  /** Whose the kept errors and records are; '' after somebody's end. */
  let owner: string | undefined

  async function load(): Promise<Recorder> {
    if (!powers || !loadChunk) throw new Error('a line needs a page')
    const { createRecorder } = await loadChunk(() => import('../inspect/recorder.js'), 'createRecorder')
    recorder ??= createRecorder({ ...options, ...given, powers, loadChunk, createListeners })
    return recorder
  }

  /** A server that renders pages has nothing to tell. */
  const failed = (cause: unknown) => powers && errors.report('inspect-failed', messageOf(cause), { cause })
  if (powers && isDebugged(options.debug))
    load()
      .then((ready) => ready.debug(), failed)
      .catch(failed)

  const faces: Pick<Line<unknown>, 'onRecord' | 'inspect' | 'simulate'> & {
    explain: Line<Record<string, unknown>>['explain']
    emitLocal: (event: string, metadata?: unknown) => Promise<void>
  } = {
    onRecord(handler) {
      let stop: (() => void) | undefined = () => undefined
      load()
        .then((ready) => {
          if (stop) stop = ready.onRecord(handler)
        })
        .catch(failed)
      return () => {
        stop?.()
        stop = undefined
      }
    },
    inspect: async () => (await load()).inspect(),
    explain: async (event, metadata) => (await load()).explain(event, metadata),
    simulate: async (simulation) => (await load()).simulate(simulation),
    emitLocal: async (event, metadata) => (await load()).emitLocal(event, metadata),
  }

  return {
    faces,
    /** The session received events. Gives the same. */
    events(pairs: readonly EventPair[]) {
      // What is handed on was recorded when it came first.
      recorder?.events(pairs.filter(([, , envelope]) => !envelope?.isHandedOn))
      return pairs
    },
    /** The hub asked for credentials. Gives the same. */
    asked(answer: Promise<CredentialsAnswer>) {
      recorder?.asked(answer)
      return answer
    },
    /** The app has sent an event. Gives the same. */
    sent(event: string, answer: Promise<unknown>) {
      recorder?.sent(event, answer)
      return answer
    },
    topic: (name: string, state: TopicView) => recorder?.topic(name, state),
    /** From now on, errors and records are this identity's. Empty: nobody's. */
    belongTo(identity: string): void {
      if (owner !== undefined && owner !== identity) {
        errors.forget()
        recorder?.forget()
      }
      owner = identity
    },
  }
}

function isDebugged(asked = false): boolean {
  try {
    // Bundlers replace the whole of `process.env.NODE_ENV`, and drop the look from what they build for production.
    if (process.env.NODE_ENV !== 'production') return asked || isDebugging()
  } catch {
    // No bundler and no `process`.
  }
  return asked
}
