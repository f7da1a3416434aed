import './styles.css'
import { start } from '../ui/start'
import { MemberEntry } from './MemberEntry'

void start({ ru: () => import('../text/ru/member'), en: () => import('../text/en/member') }, <MemberEntry />)
