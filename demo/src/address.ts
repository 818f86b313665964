const HOSTS = ['auto', 'shared-worker', 'leader-tab', 'this-tab'] as const

/** `?host=this-tab` and the like: to see, and to test, what a browser without the better hosts does. */
export function hostFromAddress(): (typeof HOSTS)[number] {
  const wanted = new URLSearchParams(location.search).get('host')
  return HOSTS.find((host) => host === wanted) ?? 'auto'
}

/** `?share`: visible windows share their fetches. */
export const sharesFromAddress = (): boolean => new URLSearchParams(location.search).has('share')
