/** Слова справочника API. */
import { common } from './common'

export default {
  pageTitle: 'API — Unioncard',
  ...common,
  title: 'API Unioncard',
  search: 'Путь, поле или слово',
  contents: 'Разделы',
  nothing: 'Ничего не нашлось',
  shown_one: '{{number}} операция',
  shown_few: '{{number}} операции',
  shown_many: '{{number}} операций',
  shown_other: '{{number}} операции',
  parameters: 'Параметры',
  body: 'Тело запроса: {{type}}',
  answers: 'Ответы',
  required: 'обязательно',
  example: 'например {{example}}',
  access: {
    partner:
      'Программа партнёра получает токен по client_credentials: POST /v1/oauth/token; он живёт час и идёт в заголовке Authorization: Bearer.',
    people:
      'Члены профсоюза входят по коду из письма (POST /v1/auth/code, затем /v1/auth/verify), сотрудники — по паролю (POST /v1/auth/login).',
    wallet:
      'Чужой кошелёк (приложение банка, агрегатор) показывает карту с согласия члена профсоюза: OAuth 2.1, authorization_code с PKCE (S256), GET /v1/oauth/authorize. Области: card, card:code, balance; что где — в /.well-known/oauth-authorization-server.',
    document: '— машиночитаемое описание: из него делается клиент на любом языке.',
  },
  tag: {
    'sign-in': 'Вход',
    staff: 'Сотрудник',
    member: 'Член профсоюза',
    partner: 'Партнёр и касса',
    finance: 'Финансы',
    office: 'Реестр и карты',
    operations: 'Эксплуатация',
  },
}
