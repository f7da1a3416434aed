import '@mantine/core/styles.layer.css'
import './office.css'
import ru from '../text/ru/office'
import { start } from '../ui/start'
import { OfficeEntry } from './OfficeEntry'

// Russian comes with the page, English when it is asked for.
void start({ ru: async () => ({ default: ru }), en: () => import('../text/en/office') }, <OfficeEntry />)
