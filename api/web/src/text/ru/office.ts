/** Слова кабинета. */
import { common } from './common'
import { wallets } from './officeApps'
import { officeCards } from './officeCards'
import { finance } from './officeFinance'
import { fraud } from './officeFraud'
import { printing } from './officePrinting'
import { registry } from './officeRegistry'
import { rules } from './officeRules'
import { settings } from './officeSettings'
import { standing } from './officeStanding'
import { work } from './officeWork'

export default {
  pageTitle: 'Кабинет — Unioncard',
  ...common,
  ...finance,
  ...fraud,
  ...printing,
  ...rules,
  ...registry,
  ...standing,
  ...work,
  officeCards,
  ...settings,
  ...wallets,
  office: {
    title: 'Кабинет профсоюза',
    signInHint: 'Войдите под рабочим логином.',
    menu: 'Разделы',
    nowhere: 'Такой страницы нет',
    notYours: 'Кабинет не для этой роли',
    notYoursHint: 'Кассиры работают на странице кассы: /till.',
  },
  nav: {
    today: 'Сегодня',
    registry: 'Реестр',
    finance: 'Финансы',
    members: 'Члены профсоюза',
    cards: 'Карты',
    organisations: 'Организации',
    imports: 'Загрузка файлов',
    plastic: 'Пластик',
    printing: 'Печать карт',
    designs: 'Вид карты',
    ledger: 'Главная книга',
    registers: 'Сверка',
    rules: 'Правила кешбэка',
    accounts: 'Счета членов',
    adjustments: 'Исправления',
    tiers: 'Уровни',
    partners: 'Партнёры',
    fraud: 'Подозрительное',
    claims: 'Заявки',
    settings: 'Настройки',
    wallets: 'Кошельки',
    union: 'Профсоюз',
  },
  table: {
    export: 'Сохранить CSV',
    shown_one: 'Показана {{count}} строка',
    shown_few: 'Показано {{count}} строки',
    shown_many: 'Показано {{count}} строк',
    shown_other: 'Показано {{count}} строки',
  },
  picker: { placeholder: 'Название или код', nothing: 'Ничего не нашлось' },
  work: {
    ledger: 'Главная книга',
    accounts_one: '{{count}} счёт',
    accounts_few: '{{count}} счёта',
    accounts_many: '{{count}} счетов',
    accounts_other: '{{count}} счёта',
    differences: 'Расхождений',
    inRegisters_one: 'в {{count}} последнем реестре',
    inRegisters_few: 'в {{count}} последних реестрах',
    inRegisters_many: 'в {{count}} последних реестрах',
    inRegisters_other: 'в {{count}} последних реестрах',
    failed: 'Реестров не прочитано',
    working_one: 'ещё {{count}} в работе',
    working_few: 'ещё {{count}} в работе',
    working_many: 'ещё {{count}} в работе',
    working_other: 'ещё {{count}} в работе',
    rules: 'Правил действует',
    drafts_one: '{{count}} ждёт подтверждения',
    drafts_few: '{{count}} ждут подтверждения',
    drafts_many: '{{count}} ждут подтверждения',
    drafts_other: '{{count}} ждут подтверждения',
    open: 'Подозрительных покупок',
    openHint: 'ждут решения бухгалтера',
    unmatched: 'Заявки без кассы',
    unmatchedHint: 'найдите точку',
    find: 'найти, открыть, дать карту',
    statistics: 'дерево и статистика',
    upload: 'Загрузить файл',
    uploadHint: 'члены профсоюза или организации',
  },
  jobStatus: { queued: 'в очереди', running: 'в работе', done: 'готово', failed: 'не получилось' },
}
