import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { hearTiles } from './pulses.js'
import { openWall } from './state.js'
import { WallPage } from './wall-page.js'
import 'uplot/dist/uPlot.min.css'
import './wall.css'

hearTiles()
void openWall()

const root = document.getElementById('root')
if (!root) throw new Error('The page has no #root.')
createRoot(root).render(
  <StrictMode>
    <WallPage />
  </StrictMode>,
)
