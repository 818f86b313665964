// @vitest-environment happy-dom
import { testBinding } from '../../test/bindings/contract.js'
import { svelteHarness } from '../../test/bindings/svelte.js'

testBinding('partyline/svelte', svelteHarness)
