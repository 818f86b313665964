import { render } from 'svelte/server'
import { testServerRendering } from '../../test/bindings/contract.js'
import { queryClient, SveltePage } from '../../test/bindings/svelte.js'

const onRefresh = () => undefined
testServerRendering(
  'partyline/svelte',
  (given) => render(SveltePage, { props: { queryClient, given, onRefresh } }).body,
)
