import '@mantine/core/styles.css'
import './till.css'
import { start } from '../ui/start'
import { TillEntry } from './TillEntry'

void start({ ru: () => import('../text/ru/till'), en: () => import('../text/en/till') }, <TillEntry />)
