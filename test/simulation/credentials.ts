import type { SimulatedPage } from '../../src/testing/simulated-page.js'
import type { Backend, Identity } from './backend.js'
import type { AuthTrouble, Setting } from './command.js'

/** How long an app's token endpoint takes at most. */
const MAX_AUTH_MS = 50
/** How long an app takes to get the server's address: usually at most, and when nobody waits for it any more. */
const URL_MS = { usual: 50, late: 30_000 }

/** What an app's `auth` gives, and how it fails. */
export function createAppCredentials(
  backend: Backend,
  page: SimulatedPage,
  random: () => number,
  setting: Pick<Setting, 'ownTokens' | 'cookie' | 'tokenLifeMs'>,
) {
  /** What the tab got at its own sign-in. */
  let own: { readonly who: Identity; readonly token: string } | undefined
  let trouble: AuthTrouble | undefined
  // A token of its own that ends for good is nothing that a line can come back from.
  const keepsOwn = setting.ownTokens && !setting.cookie && setting.tokenLifeMs === 0

  function give(who: Identity): object {
    if (trouble === 'throws') throw new Error('the token endpoint failed')
    if (trouble === 'other-user') return backend.credentials(who === 'ann' ? 'bob' : 'ann')
    if (trouble === 'junk') return (() => undefined) as object
    return keepsOwn && own?.who === who ? { token: own.token } : backend.credentials(who)
  }

  return {
    /** For one mount's user, whoever is signed in when it is called. */
    authFor: (who: Identity) => () =>
      new Promise<object>((resolve, reject) => {
        if (trouble === 'hangs') return
        page.realm.task(random() * MAX_AUTH_MS, () => {
          try {
            resolve(give(who))
          } catch (thrown) {
            reject(thrown)
          }
        })
      }),
    /** The user signs in here, or again. */
    refresh(who: Identity): void {
      own = { who, token: backend.credentials(who).token }
    },
    disturb(how: AuthTrouble | undefined): void {
      trouble = how
    },
    /** Whether an attempt with these credentials would be let in. */
    areGood: (who: Identity): boolean =>
      trouble === undefined && (!keepsOwn || own?.who !== who || backend.identify({ token: own.token }) === who),
  }
}

/** An app's `url` function, and how it fails. */
export function createUrlFunction(backend: Backend, { realm }: SimulatedPage, random: () => number, url: string) {
  return (): Promise<string> =>
    new Promise((resolve, reject) => {
      const trouble = backend.urlTrouble()
      if (trouble === 'hangs') return
      const ms = trouble === 'late' ? URL_MS.late : random() * URL_MS.usual
      realm.task(ms, () => {
        if (trouble === 'throws') reject(new Error('the address is not known'))
        else resolve(trouble === 'junk' ? (random() < 0.5 ? '' : 'https://') : url)
      })
    })
}
