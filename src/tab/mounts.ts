import type { QueryClientSlice } from '../invalidation/query-client.js'
import type { Report } from '../util/errors.js'
import type { Auth, Session } from './session.js'

export interface MountOptions {
  readonly queryClient: QueryClientSlice
  /** Who is signed in. Null, undefined and '' mean nobody: no socket is opened. */
  readonly identity: string | number | null | undefined
  /** Asked at every connection attempt, so that an expired token is renewed. */
  readonly auth?: Auth | undefined
}

/** Two identities must never have one name, as all objects would: what is no name is nobody. */
function nameOf(identity: unknown, report: Report): string {
  if (identity === null || identity === undefined || typeof identity === 'string') return identity ?? ''
  if (typeof identity === 'number' && Number.isFinite(identity)) return String(identity)
  report('bad-option', `identity has to be a string or a number, not ${typeof identity}`, {
    detail: { option: 'identity' },
  })
  return ''
}

/** One identity's stay in this tab, with one mount or several. */
export interface MountedSession {
  readonly identity: string
  readonly client: QueryClientSlice
  auth: Auth | undefined
  mounts: number
  session: Session | undefined
  ended: boolean
  /** Signed out before there was a session: as soon as there is one, the other tabs are told. */
  leaving: boolean
}

interface StaysOptions {
  readonly open: (stay: MountedSession) => void
  readonly onBegin: (client: QueryClientSlice) => void
  readonly onEnd: () => void
  readonly isSignedOut: () => boolean
  /** Another identity, or nobody, comes after the one whose data the client holds. */
  readonly onSwitch: (client: QueryClientSlice, isAnother: boolean) => void
  readonly report: Report
}

/**
 * Who is mounted. A tab has one stay at a time; it ends a microtask after its last unmount, so that a remount in the
 * same breath (StrictMode, a changed parent) joins it, while another identity ends it and says that it is over.
 */
export function createMounts({ open, onBegin, onEnd, isSignedOut, onSwitch, report }: StaysOptions) {
  let current: MountedSession | undefined
  /** Whose data the client may hold. */
  let last: Pick<MountedSession, 'identity' | 'client'> | undefined

  function end(stay: MountedSession, release: boolean): void {
    if (!stay.ended) stay.session?.close(release)
    stay.ended = true
    if (current !== stay) return
    current = undefined
    onEnd()
  }

  /** Ends a stay that the new mount is not part of. */
  function makeWay(stay: MountedSession, identity: string): void {
    if (stay.mounts > 0 && !isSignedOut()) {
      const what = 'mounted for another identity or QueryClient while mounted'
      report('mounted-twice', `${what}; the new mount replaces the old one`)
    }
    end(stay, stay.identity !== identity)
  }

  return {
    get current() {
      return current
    },
    mount({ queryClient, identity, auth }: MountOptions): () => void {
      const who = nameOf(identity, report)
      if (who === '') {
        // Nobody here; whoever else has mounted this line stays.
        if (current?.mounts === 0) end(current, true)
        if (last && !current) {
          onSwitch(last.client, false)
          last = undefined
        }
        return () => undefined
      }
      if (current && (current.identity !== who || current.client !== queryClient || isSignedOut()))
        makeWay(current, who)
      if (last && last.client === queryClient && last.identity !== who) onSwitch(queryClient, true)
      last = { identity: who, client: queryClient }

      const joined = current
      const stay: MountedSession = joined ?? {
        identity: who,
        client: queryClient,
        auth,
        mounts: 0,
        session: undefined,
        ended: false,
        leaving: false,
      }
      stay.auth = auth
      stay.mounts++
      current = stay
      if (!joined) {
        onBegin(queryClient)
        open(stay)
      }

      let mounted = true
      return () => {
        if (!mounted) return
        mounted = false
        stay.mounts--
        void Promise.resolve().then(() => {
          if (stay.mounts === 0) end(stay, false)
        })
      }
    },
  }
}
