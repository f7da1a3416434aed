import '@mantine/core/styles.css'
import './office.css'
import { start } from '../ui/start'
import { OfficeEntry } from './OfficeEntry'

void start({ ru: () => import('../text/ru/office'), en: () => import('../text/en/office') }, <OfficeEntry />)
