import { QueryClient, VueQueryPlugin } from '@tanstack/vue-query'
import { createApp, createSSRApp, defineComponent, h, nextTick, reactive } from 'vue'
import {
  providePartyline,
  usePartylineStatus,
  usePendingChanges,
  useServerEvent,
  useTopic,
} from '../../src/vue/index.js'
import type { Harness, Inputs } from './contract.js'

const queryClient = new QueryClient()

/** A provider, and in it a component that uses all of the binding. */
function componentsOf(inputs: Inputs) {
  let refresh: () => void = () => undefined
  const User = defineComponent(() => {
    const status = usePartylineStatus()
    const topic = useTopic(inputs.line, () => inputs.topic, { queryKeys: () => inputs.queryKeys })
    const changes = usePendingChanges(() => inputs.pendingKey)
    useServerEvent(inputs.line, 'balance_updated', inputs.onBalance)
    refresh = changes.refresh
    return () => h('p', inputs.shows(`${status.value.name} ${topic.value.name} ${changes.count.value}`))
  })
  const Root = defineComponent(() => {
    providePartyline(inputs.line, { identity: () => inputs.identity, auth: inputs.auth })
    return () => h(User)
  })
  return { Root, refresh: () => refresh() }
}

export const vueHarness: Harness = {
  queryClient,
  render(given) {
    // Shallow, as a line is not to be a proxy.
    const changing = reactive({
      identity: given.identity,
      topic: given.topic,
      queryKeys: given.queryKeys,
      pendingKey: given.pendingKey,
    }) as Pick<Inputs, 'identity' | 'topic' | 'queryKeys' | 'pendingKey'>
    const inputs = new Proxy(given, {
      get: (target, field) => Reflect.get(field in changing ? changing : target, field),
    })
    const { Root, refresh } = componentsOf(inputs)
    const app = createApp(Root).use(VueQueryPlugin, { queryClient })
    app.mount(document.createElement('div'))
    return {
      async set(changes) {
        Object.assign(changing, changes)
        await nextTick()
      },
      settle: () => nextTick(),
      refresh,
      unmount: () => app.unmount(),
    }
  },
  renderAlone() {
    const Alone = defineComponent(() => {
      const status = usePartylineStatus()
      return () => status.value.name
    })
    return createApp(Alone).mount(document.createElement('div'))
  },
}

/** The same app, to be rendered by a server, or hydrated. */
export const createVuePage = (inputs: Inputs) =>
  createSSRApp(componentsOf(inputs).Root).use(VueQueryPlugin, { queryClient })
