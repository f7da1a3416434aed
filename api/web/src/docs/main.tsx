import '@mantine/core/styles.layer.css'
import './docs.css'
import ru from '../text/ru/docs'
import { start } from '../ui/start'
import { DocsEntry } from './DocsEntry'

// Russian comes with the page, English when it is asked for.
void start({ ru: async () => ({ default: ru }), en: () => import('../text/en/docs') }, <DocsEntry />)
