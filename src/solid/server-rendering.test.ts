import { renderToString } from 'solid-js/web'
import { testServerRendering } from '../../test/bindings/contract.js'
import { solidPage } from '../../test/bindings/solid.js'

testServerRendering('partyline/solid', (inputs) => renderToString(() => solidPage(() => inputs)))
