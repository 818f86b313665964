import { QueryClient } from '@tanstack/svelte-query'
import { type Component, flushSync, mount, unmount } from 'svelte'
import AloneComponent from './Alone.svelte'
import type { Changes, Harness, Inputs } from './contract.js'
import PageComponent from './Page.svelte'

export const queryClient = new QueryClient()
type Page = Component<
  { queryClient: QueryClient; given: Inputs; onRefresh: (refresh: () => void) => void },
  { set(changes: Changes): void }
>
/** A provider, and in it a component that uses all of the binding. */
export const SveltePage = PageComponent as unknown as Page

export const svelteHarness: Harness = {
  queryClient,
  render(given) {
    let refresh: () => void = () => undefined
    const onRefresh = (now: () => void) => {
      refresh = now
    }
    const page = mount(SveltePage, { target: document.createElement('div'), props: { queryClient, given, onRefresh } })
    flushSync()
    return {
      async set(changes) {
        page.set(changes)
        flushSync()
      },
      settle: async () => flushSync(),
      refresh: () => refresh(),
      unmount: () => {
        void unmount(page)
        flushSync()
      },
    }
  },
  renderAlone: () => mount(AloneComponent, { target: document.createElement('div') }),
}
