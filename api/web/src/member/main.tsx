import './styles.css'
import { workOffline } from '../offline/register'
import ru from '../text/ru/member'
import { start } from '../ui/start'
import { MemberEntry } from './MemberEntry'

// Russian comes with the page, English when it is asked for.
void start({ ru: async () => ({ default: ru }), en: () => import('../text/en/member') }, <MemberEntry />)
workOffline('/')
