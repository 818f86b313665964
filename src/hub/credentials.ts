import type { HubEnvironment } from '../platform/environment.js'
import type { CredentialsAnswer } from '../wire/protocol.js'
import type { Tab, TabRegistry } from './tab-registry.js'

export type Given = Extract<CredentialsAnswer, { ok: true }>

/** How many tabs are asked in one attempt before it is given up. */
const MOST = 3

/**
 * Gets credentials from a live tab. The tab that answered last is asked first; one that fails, dies or stays silent is
 * followed by another. Credentials pass through and are not kept.
 */
export function createCredentialsSource(
  tabs: TabRegistry,
  timers: HubEnvironment['timers'],
  timeout: number,
  onHelpless: () => void,
) {
  let number = 0
  let favourite: string | undefined
  const trusted = () => tabs.all().filter((tab) => tab.trusted)
  const open = new Map<number, (answer: CredentialsAnswer) => void>()

  function ask(tab: Tab): Promise<CredentialsAnswer & { readonly isSilence?: boolean }> {
    return new Promise((resolve) => {
      const id = ++number
      const settle = (answer: CredentialsAnswer & { readonly isSilence?: boolean }) => {
        open.delete(id)
        stop()
        tab.gone.signal.removeEventListener('abort', leave)
        resolve(answer)
      }
      const fail = (message: string) => settle({ ok: false, message, isSilence: true })
      const leave = () => fail('the tab went away while it was asked for credentials')
      const stop = timers.after(timeout, () => fail(`auth gave no answer within ${timeout} ms`))
      tab.gone.signal.addEventListener('abort', leave)
      open.set(id, settle)
      tab.endpoint.postMessage({ kind: 'credentials-request', request: id })
    })
  }

  return {
    /** Rejects when none of the tabs gives any. */
    async credentials(): Promise<Given> {
      let trouble = 'no tab is left to ask for credentials'
      let isSilence = true
      const known = trusted()
      const first = known.findIndex((tab) => tab.id === favourite)
      const inTurn = first > 0 ? [...known.slice(first), ...known.slice(0, first)] : known
      for (const tab of inTurn.slice(0, MOST)) {
        const answer = await ask(tab)
        if (answer.ok) {
          favourite = tab.id
          return answer
        }
        trouble = answer.message
        isSilence &&= answer.isSilence === true
      }
      // Of those at a port nobody is left, or awake. Credentials never pass over a BroadcastChannel, so for the others
      // somebody else has to own the socket.
      if (isSilence && (trusted().length === 0 || trusted().length < tabs.size)) onHelpless()
      throw new Error(trouble)
    },
    /** The server did not like what the favourite gave: next time another tab is asked first. */
    rotate(): void {
      const known = trusted()
      const index = known.findIndex((tab) => tab.id === favourite)
      favourite = known[(index + 1) % known.length]?.id
    },
    answer: (id: number, answer: CredentialsAnswer): void => open.get(id)?.(answer),
  }
}
