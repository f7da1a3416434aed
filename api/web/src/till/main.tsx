import '@mantine/core/styles.layer.css'
import './till.css'
import { workOffline } from '../offline/register'
import ru from '../text/ru/till'
import { start } from '../ui/start'
import { TillEntry } from './TillEntry'

// Russian comes with the page, English when it is asked for.
void start({ ru: async () => ({ default: ru }), en: () => import('../text/en/till') }, <TillEntry />)
workOffline('/till')
