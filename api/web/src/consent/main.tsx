import '@mantine/core/styles.layer.css'
import ru from '../text/ru/consent'
import { start } from '../ui/start'
import { ConsentEntry } from './ConsentEntry'

// Russian comes with the page, English when it is asked for.
void start({ ru: async () => ({ default: ru }), en: () => import('../text/en/consent') }, <ConsentEntry />)
